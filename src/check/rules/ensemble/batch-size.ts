import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const batchSize: EnsembleRule = {
  code: 'ensemble/batch-size',
  severity: 'error',
  scope: 'ensemble',
  summary: 'The `max_batch_size` of an ensemble is not above that of any member that batches.',
  why: 'A request of the ensemble reaches its members with all its rows: an ensemble does not split batches. Triton refuses an ensemble that would let in more rows than a member takes. Members with `max_batch_size` 0 are exempt.',
  fix: 'Lower the `max_batch_size` of the ensemble, or raise that of the member.',
  *check(model) {
    for (const { member, modelName } of stepsOf(model)) {
      if (member === undefined || !member.batches || member.maxBatchSize >= model.maxBatchSize) continue;
      yield {
        path: 'max_batch_size',
        message: `max_batch_size ${model.maxBatchSize} is above the ${member.maxBatchSize} of its member ${modelName}`,
        fix: `set max_batch_size to ${member.maxBatchSize} here, or raise it in ${modelName}/config.pbtxt`,
      };
    }
  },
};
