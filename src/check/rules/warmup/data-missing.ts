import type { ModelRule } from '../../rule.ts';
import { samplesOf } from './samples.ts';

export const dataMissing: ModelRule = {
  code: 'warmup/data-missing',
  severity: 'error',
  summary: 'Every warm-up input says where its data comes from.',
  why: 'Triton refuses a sample input that has none of `zero_data`, `random_data` and `input_data_file`. The mere presence of a flag counts, whatever its value.',
  fix: 'Add `zero_data: true`.',
  *check(model) {
    for (const { label, inputs } of samplesOf(model)) {
      for (const { name, path, data } of inputs) {
        if (data.zero_data !== undefined || data.random_data !== undefined || data.input_data_file !== undefined)
          continue;
        yield { path, message: `${label} gives no data for input '${name}'` };
      }
    }
  },
};
