import type { ModelRule } from '../../rule.ts';
import { planOf } from './manifest.ts';

export const preferredOutside: ModelRule = {
  code: 'plan/preferred-outside',
  severity: 'warning',
  summary: 'Preferred batch sizes are ones that a profile of the plan runs.',
  why: 'Preferred sizes make sense where profiles are tuned for certain batches. A size outside all of them is either refused by the engine or runs slowly on a profile made for others.',
  fix: 'Take preferred sizes from the profiles, or remove them.',
  *check(model) {
    const profiles = planOf(model)?.profiles ?? [];
    if (profiles.length === 0) return;
    for (const [index, size] of (model.written.dynamic_batching?.preferred_batch_size ?? []).entries()) {
      if (size > model.maxBatchSize || profiles.some((one) => one.min <= size && size <= one.max)) continue;
      const ranges = profiles.map((one) => `${one.min} to ${one.max}`).join(', ');
      yield {
        path: `dynamic_batching.preferred_batch_size[${index}]`,
        message: `preferred_batch_size ${size} lies in no profile of the plan (${ranges})`,
      };
    }
  },
};
