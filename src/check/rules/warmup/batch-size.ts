import type { ModelRule } from '../../rule.ts';
import { samplesOf } from './samples.ts';

export const batchSize: ModelRule = {
  code: 'warmup/batch-size',
  severity: 'error',
  summary: 'The `batch_size` of a warm-up sample is at most `max_batch_size`.',
  why: 'A sample runs `batch_size` copies of its row as one batch, past the scheduler. A batch above the maximum fails the load on some backends and has been seen to crash the server on others. A model without batching takes `batch_size: 1`.',
  fix: 'Lower `batch_size`.',
  *check(model) {
    const most = Math.max(1, model.maxBatchSize);
    for (const { path, label, sample } of samplesOf(model)) {
      if (sample.batch_size! <= most) continue;
      const limit = model.batches ? `max_batch_size is ${model.maxBatchSize}` : 'max_batch_size is 0, which allows 1';
      yield { path: `${path}.batch_size`, message: `${label} has batch_size ${sample.batch_size}, ${limit}` };
    }
  },
};
