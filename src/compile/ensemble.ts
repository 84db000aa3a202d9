import type { ModelConfig } from '../config/index.ts';
import type { CompiledTensor } from './compiled.ts';
import { configTensors } from './settings.ts';

export interface EnsembleStep {
  readonly model: string;
  readonly inputs: readonly CompiledTensor[];
  readonly outputs: readonly CompiledTensor[];
}

/**
 * The configuration of an ensemble that runs `steps` one after the other, joining tensors of the same name. Its inputs
 * are the first step's, its outputs the last step's; a step output that nothing reads is left out, since Triton
 * refuses ensemble tensors that are never used.
 */
export function chainEnsemble(options: {
  name: string;
  max_batch_size: number;
  steps: readonly EnsembleStep[];
  labelFiles?: Readonly<Record<string, string>>;
  parameters?: ModelConfig['parameters'];
}): ModelConfig {
  const { name, max_batch_size, steps } = options;
  const last = steps.at(-1)!;
  const read = new Set(steps.flatMap((step) => step.inputs.map((input) => input.name)));
  for (const output of last.outputs) read.add(output.name);
  const sameName = (tensors: readonly CompiledTensor[]) =>
    Object.fromEntries(tensors.filter((tensor) => read.has(tensor.name)).map((tensor) => [tensor.name, tensor.name]));
  return {
    name,
    platform: 'ensemble',
    max_batch_size,
    input: configTensors(steps[0]!.inputs),
    output: configTensors(last.outputs, options.labelFiles),
    ...(options.parameters && { parameters: options.parameters }),
    ensemble_scheduling: {
      step: steps.map((step) => ({
        model_name: step.model,
        // Without it the field means version 0, which only exists where somebody made a folder of that name.
        model_version: -1,
        input_map: sameName(step.inputs),
        output_map: sameName(step.outputs),
      })),
    },
  };
}
