import { dimsOf } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';
import { samplesOf } from './samples.ts';

export const dims: ModelRule = {
  code: 'warmup/dims',
  severity: 'error',
  summary: 'The dims of warm-up inputs are concrete.',
  why: 'Triton makes the data of a sample before the model runs, and refuses a model whose samples have a -1 in their dims.',
  fix: 'Write a size that the model will see often, e.g. 128 for a text.',
  *check(model) {
    for (const { label, inputs } of samplesOf(model)) {
      for (const { name, path, data } of inputs) {
        const all = dimsOf(data);
        const index = all.indexOf(-1);
        if (index < 0) continue;
        const message = `${label} has variable dims [${all.join(', ')}] for input '${name}'`;
        yield { path: `${path}.dims[${index}]`, message };
      }
    }
  },
};
