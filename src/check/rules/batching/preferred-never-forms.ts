import type { ModelRule } from '../../rule.ts';
import { queuePolicies } from './policies.ts';
import { preferredSizes } from './preferred.ts';

export const preferredNeverForms: ModelRule = {
  code: 'batching/preferred-never-forms',
  severity: 'warning',
  summary: 'The queue is long enough for every preferred batch size.',
  why: 'A batch is formed from requests that wait. When `max_queue_size` lets fewer wait than a preferred size needs, requests of one row never add up to it, and the batcher waits out its whole delay for nothing.',
  fix: 'Raise `max_queue_size` to at least the preferred size, or remove that size.',
  *check(model) {
    const limits = queuePolicies(model).flatMap(({ policy }) => policy.max_queue_size || []);
    const levels = Number(model.written.dynamic_batching?.priority_levels ?? 0);
    // With levels each has a queue of its own, and a batch may take from several.
    const most = levels > 1 || limits.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...limits);
    for (const { path, size } of preferredSizes(model)) {
      if (!path.startsWith('dynamic') || size <= most || size > model.maxBatchSize) continue;
      yield { path, message: `preferred_batch_size ${size} never forms from single rows: max_queue_size is ${most}` };
    }
  },
};
