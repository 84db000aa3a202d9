import type { ModelRule } from '../../rule.ts';

export const batchSizeNegative: ModelRule = {
  code: 'general/batch-size-negative',
  severity: 'error',
  summary: '`max_batch_size` is 0 or more.',
  why: '`max_batch_size` 0 means that shapes have no batch dimension at all; a positive number puts one in front of every input and output, and is the most rows that one request, and one execution, may have. Triton refuses negative numbers; -1 does not mean "any".',
  fix: 'Set `max_batch_size` to 0 (no batch dimension) or to the largest batch.',
  *check(model) {
    const size = model.written.max_batch_size ?? 0;
    if (size >= 0) return;
    yield {
      path: 'max_batch_size',
      message: `max_batch_size is ${size}, it must be 0 or more`,
      fix: 'set max_batch_size to 0 for no batch dimension, or to the largest batch',
    };
  },
};
