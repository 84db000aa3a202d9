import { hasType, tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const typeMissing: ModelRule = {
  code: 'tensors/type-missing',
  severity: 'error',
  summary: 'Every input and output has a `data_type`.',
  why: 'The default, TYPE_INVALID, is no type: Triton refuses the model. ONNX Runtime and PyTorch never fill a single missing type in; TensorRT, OpenVINO and a Python model with `auto_complete_config` may, as long as auto-complete is on.',
  fix: 'Set `data_type`, e.g. `data_type: TYPE_FP32`.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      if (hasType(tensor.data_type)) continue;
      const left = model.completesTensors ? `; it is left to backend ${model.backend} to fill in` : '';
      const severity = left === '' ? {} : ({ severity: 'warning' } as const);
      yield { path: `${path}.data_type`, message: `${label} has no data_type${left}`, ...severity };
    }
  },
};
