import { configFix } from '../../edits.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const batchSizeSmaller: EnsembleRule = {
  code: 'ensemble/batch-size-smaller',
  severity: 'warning',
  scope: 'ensemble',
  summary: 'The `max_batch_size` of an ensemble is that of its smallest member.',
  why: 'Requests with more rows than the ensemble allows are refused, although its members could run them. With 0 the ensemble takes no batch dimension at all, and every request carries one row.',
  fix: 'Set the `max_batch_size` of the ensemble to the smallest one of its members.',
  *check(model) {
    const sizes = stepsOf(model).flatMap(({ member }) => (member?.batches ? [member.maxBatchSize] : []));
    const least = Math.min(...sizes);
    if (sizes.length === 0 || model.maxBatchSize < 0 || model.maxBatchSize >= least) return;
    // A member without batching decides the shapes of the whole ensemble.
    if (stepsOf(model).some(({ member }) => member !== undefined && !member.batches)) return;
    const given = model.written.max_batch_size === undefined ? 'absent and so 0' : String(model.maxBatchSize);
    const text = `set max_batch_size to ${least}`;
    yield {
      path: 'max_batch_size',
      message: `max_batch_size is ${given}, all members take ${least} or more: larger requests are refused for nothing`,
      // From 0 to a batch size the shapes that clients send change too, so only a number is raised without asking.
      fix: model.batches ? configFix(model, text, { path: 'max_batch_size', value: least }) : text,
    };
  },
};
