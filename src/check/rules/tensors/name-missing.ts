import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const nameMissing: ModelRule = {
  code: 'tensors/name-missing',
  severity: 'error',
  summary: 'Every input and output has a name.',
  why: 'Requests and steps of ensembles refer to tensors by name. Triton refuses an input or output without one.',
  fix: 'Set `name`.',
  *check(model) {
    for (const { tensor, path } of tensorsOf(model.written)) {
      if (!tensor.name) yield { path, message: `${path} has no name` };
    }
  },
};
