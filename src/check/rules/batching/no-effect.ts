import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const noEffect: ModelRule = {
  code: 'batching/no-effect',
  severity: 'warning',
  summary: 'Dynamic batching comes with a `max_batch_size` above 1.',
  why: '`dynamic_batching` on a model with `max_batch_size` 0 or 1 is legal, and every batch has one request: the queue costs time and gains nothing.',
  fix: 'Raise `max_batch_size` if the model can batch, or remove `dynamic_batching`.',
  *check(model) {
    const { dynamic_batching: batching } = model.written;
    if (batching === undefined || model.maxBatchSize > 1 || model.maxBatchSize < 0) return;
    // Queue limits and priorities work without batches too; then the queue is what is wanted.
    if (batching.default_queue_policy !== undefined || toInteger(batching.priority_levels) > 0) return;
    yield {
      path: 'dynamic_batching',
      message: `dynamic_batching forms no batches: max_batch_size is ${model.maxBatchSize}`,
    };
  },
};
