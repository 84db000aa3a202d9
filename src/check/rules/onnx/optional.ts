import type { ModelRule } from '../../rule.ts';

export const optional: ModelRule = {
  code: 'onnx/optional',
  severity: 'error',
  summary: 'Optional inputs of ONNX models come without batching.',
  why: 'ONNX Runtime knows optional inputs as initializers that may be overridden. The backend does not support them together with a `max_batch_size` above 0.',
  fix: 'Remove `optional`, or set `max_batch_size: 0`.',
  *check(model) {
    if (model.backend !== 'onnxruntime' || !model.batches) return;
    for (const [index, { name = '', optional: given }] of (model.written.input ?? []).entries()) {
      if (!given) continue;
      const message = `input '${name}' is optional, which ONNX Runtime cannot have with max_batch_size ${model.maxBatchSize}`;
      yield { path: `input[${index}].optional`, message };
    }
  },
};
