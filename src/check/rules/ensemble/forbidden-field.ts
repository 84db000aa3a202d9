import { configFix } from '../../edits.ts';
import type { ModelRule } from '../../rule.ts';

const reasons = {
  instance_group: 'its members have instances, it has none',
  optimization: 'nothing of it is executed',
  model_warmup: 'warm up its members instead',
};

export const forbiddenField: ModelRule = {
  code: 'ensemble/forbidden-field',
  severity: 'error',
  summary: 'An ensemble has no `instance_group`, `optimization` or `model_warmup`.',
  why: 'An ensemble only passes tensors on; it runs nothing itself. Triton refuses these fields on it, even an empty `optimization {}`.',
  fix: 'Remove the field here and set it on the members.',
  *check(model) {
    if (!model.isEnsemble) return;
    const { instance_group = [], optimization, model_warmup = [] } = model.written;
    const present = {
      instance_group: instance_group.length > 0,
      optimization: optimization !== undefined,
      model_warmup: model_warmup.length > 0,
    };
    for (const field of ['instance_group', 'optimization', 'model_warmup'] as const) {
      if (!present[field]) continue;
      yield {
        path: field,
        message: `an ensemble cannot have ${field}: ${reasons[field]}`,
        fix: configFix(model, `remove ${field}`, { path: field, value: undefined }),
      };
    }
  },
};
