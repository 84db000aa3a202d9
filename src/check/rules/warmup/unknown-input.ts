import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';
import { samplesOf } from './samples.ts';

export const unknownInput: ModelRule = {
  code: 'warmup/unknown-input',
  severity: 'warning',
  summary: 'Warm-up inputs are inputs, control inputs or states of the model.',
  why: 'Triton hands an unknown name to the backend as an extra tensor, which is meant for sequence controls. Any other name is a slip of the pen, and the input that was meant is missing.',
  fix: 'Correct the name.',
  *check(model) {
    if (model.leavesOpen('input')) return;
    const { input = [], sequence_batching, batch_input = [] } = model.config;
    const names = [
      ...input.map((one) => one.name ?? ''),
      ...(sequence_batching?.control_input ?? []).map((one) => one.name ?? ''),
      ...(sequence_batching?.state ?? []).map((one) => one.input_name ?? ''),
      ...batch_input.flatMap((one) => one.target_name ?? []),
    ];
    for (const { label, inputs } of samplesOf(model)) {
      for (const { name, path } of inputs) {
        if (names.includes(name)) continue;
        yield { path, message: `${label} gives '${name}', which is no input of the model${didYouMean(name, names)}` };
      }
    }
  },
};
