import { join } from 'node:path';
import { ConchError, type ProgressTask } from '../base/index.ts';
import { openSafetensors, type SafetensorsFile } from '../checkpoint/index.ts';
import type { Target } from '../onnx/index.ts';
import { type Activation, activation, activationNames, isActivation, linear, Weights } from './architectures/index.ts';
import type { CompiledModel } from './compiled.ts';
import { startGraph, writeGraph } from './graph-file.ts';

export type { Activation };

/** One `torch.nn.Linear`: tensors `<name>.weight` [out, in] and, where the file has it, `<name>.bias` [out]. */
export interface MlpLayer {
  readonly name: string;
  readonly activation?: Activation;
}

export interface MlpOptions {
  /** Path of the safetensors file. */
  readonly weights: string;
  readonly layers: readonly MlpLayer[];
  /** Tensor names of the compiled model; `x` and `prediction` unless given. */
  readonly input?: string;
  readonly output?: string;
  /** The version folder; `model.onnx` is written into it. */
  readonly outDir: string;
  readonly target: Target;
  readonly progress?: ProgressTask;
  readonly externalDataThreshold?: number;
}

/**
 * Compiles a stack of linear layers and activations to FP32 ONNX: input [batch, in of the first layer], output [batch,
 * out of the last]. Sizes come from the tensors. Throws SAFETENSORS_INVALID, CHECKPOINT_INVALID naming the tensor, or
 * DEPLOYMENT_INVALID for layers that cannot be.
 */
export async function compileMlp(options: MlpOptions): Promise<CompiledModel> {
  const { layers, target, input = 'x', output = 'prediction' } = options;
  checkLayers(layers);
  if (input === output) throw new ConchError('DEPLOYMENT_INVALID', `input and output are both called '${input}'`);
  const file = await openSafetensors(options.weights);
  const graph = startGraph('Mlp', target);
  const weights = new Weights(graph, file, file.path);
  let size = 0;
  let value: ReturnType<typeof graph.input> | undefined;
  let before = '';
  for (const layer of layers) {
    const [out, into] = sizesOf(file, layer.name);
    value ??= graph.input(input, 'FP32', ['batch', into]);
    const because = before ? `layer ${before} gives ${size} values` : 'the first layer';
    const made = weights.linear(layer.name, before ? size : into, out, because, 'optional');
    value = activation(graph, layer.activation ?? 'identity', linear(graph, value, made, layer.name));
    size = out;
    before = layer.name;
  }
  graph.output(output, value!, ['batch', size]);
  const written = await writeGraph(join(options.outDir, 'model.onnx'), graph, options);
  return { ...written, parameters: weights.parameters };
}

function sizesOf(file: SafetensorsFile, layer: string): [out: number, into: number] {
  const name = `${layer}.weight`;
  const shape = file.tensors.get(name)?.shape;
  if (shape?.length === 2) return [shape[0]!, shape[1]!];
  const problem = shape
    ? `tensor '${name}' has shape [${shape}] where a linear layer has [out, in]`
    : `tensor '${name}' of layer '${layer}' is missing`;
  throw new ConchError('CHECKPOINT_INVALID', `${file.path}: ${problem}`, {
    where: { file: file.path, path: name },
    fix: `name layers of the file, which holds ${[...file.tensors.keys()].slice(0, 12).join(', ')}`,
  });
}

function checkLayers(layers: readonly MlpLayer[]): void {
  if (layers.length === 0) throw new ConchError('DEPLOYMENT_INVALID', 'an MLP needs at least one layer');
  for (const { name, activation: wanted = 'identity' } of layers) {
    if (isActivation(wanted)) continue;
    throw new ConchError('DEPLOYMENT_INVALID', `layer ${name}: there is no activation '${wanted as string}'`, {
      fix: `use one of ${activationNames.join(', ')}`,
    });
  }
}
