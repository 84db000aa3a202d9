import type { ModelRule } from '../../rule.ts';

export const autoBatch: ModelRule = {
  code: 'onnx/auto-batch',
  severity: 'warning',
  summary: 'The batch size of an ONNX model is written down together with its tensors.',
  why: 'When inputs or outputs are missing and every tensor of the graph has a dynamic first dimension, the backend takes that dimension for a batch dimension: it sets `max_batch_size` to `default-max-batch-size` of the server (4) and adds dynamic batching. An absent batch size and an explicit 0 look alike to it. Both then change with the flags of the server.',
  fix: 'Write `max_batch_size` and all inputs and outputs; then nothing is filled in.',
  *check(model) {
    const change = model.completed.changes.find((one) => one.path === 'max_batch_size');
    if (change === undefined || model.entry.parsed === undefined) return;
    const given = model.written.max_batch_size === undefined ? 'absent' : String(model.written.max_batch_size);
    yield {
      path: 'max_batch_size',
      message: `max_batch_size is ${given} and Triton makes it ${model.maxBatchSize}: ${change.reason}`,
      fix: `write max_batch_size: ${model.maxBatchSize}, and the inputs and outputs`,
    };
  },
};
