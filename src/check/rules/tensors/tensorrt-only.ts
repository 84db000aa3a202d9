import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const tensorrtOnly: ModelRule = {
  code: 'tensors/tensorrt-only',
  severity: 'error',
  summary: 'Shape tensors and non-linear formats are for TensorRT plans.',
  why: '`is_shape_tensor` and `is_non_linear_format_io` describe bindings of a TensorRT engine. Triton refuses them on every other platform, and a non-linear format needs 3 dims.',
  fix: 'Remove the field.',
  *check(model) {
    const isPlan = model.config.platform === 'tensorrt_plan';
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      for (const field of ['is_shape_tensor', 'is_non_linear_format_io'] as const) {
        if (!tensor[field]) continue;
        const rank = (tensor.dims ?? []).length;
        const at = `${path}.${field}`;
        if (!isPlan) {
          const platform = model.config.platform || model.backend || 'none';
          yield { path: at, message: `${label} sets ${field}, which needs platform tensorrt_plan, not ${platform}` };
        } else if (field === 'is_non_linear_format_io' && rank !== 3) {
          yield { path: at, message: `${label} has a non-linear format and ${rank} dims, it must be 3` };
        }
      }
    }
  },
};
