import type { ModelRule } from '../../rule.ts';
import { planOf } from './manifest.ts';

export const batchProfile: ModelRule = {
  code: 'plan/batch-profile',
  severity: 'error',
  summary: '`max_batch_size` lies within the profiles of the plan.',
  why: 'An optimisation profile fixes the smallest and largest batch that an engine runs. Triton refuses a `max_batch_size` above the largest; a smallest one above 1 makes small requests fail one by one.',
  fix: 'Lower `max_batch_size`, or build the plan with a profile from 1 to `max_batch_size`.',
  *check(model) {
    const profiles = planOf(model)?.profiles ?? [];
    if (profiles.length === 0) return;
    const most = Math.max(...profiles.map((one) => one.max));
    const least = Math.min(...profiles.map((one) => one.min));
    if (model.maxBatchSize > most) {
      yield {
        path: 'max_batch_size',
        message: `max_batch_size is ${model.maxBatchSize}, the profiles of the plan end at ${most}`,
      };
    }
    if (least > 1) {
      yield {
        path: 'max_batch_size',
        message: `the profiles of the plan begin at batch ${least}: smaller requests fail`,
        severity: 'warning',
      };
    }
  },
};
