import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const maxNeverForms: ModelRule = {
  code: 'batching/max-never-forms',
  severity: 'warning',
  summary: 'The largest preferred batch size is `max_batch_size`, or the batcher may wait.',
  why: 'Without a delay the batcher sends as soon as an instance is free, and cuts at the largest preferred size that it reached. With 8 requests waiting, `preferred_batch_size: [4]` and `max_batch_size: 8` give two runs of 4. `[1]` switches batching off in effect.',
  fix: 'Remove `preferred_batch_size` (the batcher then aims for `max_batch_size`), or add `max_batch_size` to it.',
  *check(model) {
    const { preferred_batch_size: sizes = [], max_queue_delay_microseconds } = model.written.dynamic_batching ?? {};
    const largest = Math.max(...sizes);
    const most = model.maxBatchSize;
    if (sizes.length === 0 || largest < 1 || largest >= most || toInteger(max_queue_delay_microseconds) > 0) return;
    yield {
      path: `dynamic_batching.preferred_batch_size[${sizes.indexOf(largest)}]`,
      message: `batches above the largest preferred_batch_size ${largest} never form without a max_queue_delay_microseconds, although max_batch_size is ${most}`,
    };
  },
};
