import type { ModelRule } from '../../rule.ts';
import { preferredSizes } from './preferred.ts';

export const preferredNotPositive: ModelRule = {
  code: 'batching/preferred-not-positive',
  severity: 'error',
  summary: 'Every `preferred_batch_size` is at least 1.',
  why: 'A preferred size is a number of rows that the batcher aims for. Triton refuses 0 and negative ones while polling, with the cause only in its log.',
  fix: 'Remove the size. Without preferred sizes the batcher aims for `max_batch_size`.',
  *check(model) {
    for (const { path, size } of preferredSizes(model)) {
      if (size <= 0) yield { path, message: `preferred_batch_size ${size} is not positive` };
    }
  },
};
