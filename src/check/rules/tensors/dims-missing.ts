import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const dimsMissing: ModelRule = {
  code: 'tensors/dims-missing',
  severity: 'error',
  summary: 'Every input and output has `dims`.',
  why: 'Triton refuses a tensor without dims, unless its backend fills them in (TensorRT, OpenVINO, a Python model with `auto_complete_config`). A model that takes one number a row is `dims: [ 1 ]`, with `reshape { shape: [] }` when the model itself wants no dimension there.',
  fix: 'Set `dims`, without the batch dimension when `max_batch_size` is above 0.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      if ((tensor.dims ?? []).length > 0) continue;
      const left = model.completesTensors ? `; it is left to backend ${model.backend} to fill them in` : '';
      const severity = left === '' ? {} : ({ severity: 'warning' } as const);
      yield { path: `${path}.dims`, message: `${label} has no dims${left}`, ...severity };
    }
  },
};
