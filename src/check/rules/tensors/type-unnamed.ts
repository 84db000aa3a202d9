import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const typeUnnamed: ModelRule = {
  code: 'tensors/type-unnamed',
  severity: 'error',
  stage: 'request',
  summary: 'Every `data_type` is one that has a name.',
  why: 'The text format takes numbers for enumerations, also those that stand for nothing. Triton loads such a model, and no request can have the type.',
  fix: 'Write the type by name, e.g. `TYPE_FP32`.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      if (typeof tensor.data_type !== 'number' || tensor.data_type === 0) continue;
      yield {
        path: `${path}.data_type`,
        message: `${label} has data_type ${tensor.data_type}, which stands for no type`,
      };
    }
  },
};
