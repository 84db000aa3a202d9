import { configFix } from '../../edits.ts';
import type { ModelRule } from '../../rule.ts';

export const nameMismatch: ModelRule = {
  code: 'repository/name-mismatch',
  severity: 'error',
  summary: 'The `name` in config.pbtxt is the name of the model folder, or is left out.',
  why: 'Triton knows a model by its folder. When the config names another, it refuses the model while polling, and the load API does not say why.',
  fix: 'Set `name` to the name of the folder, or remove the field: a blank name is filled in.',
  *check(model) {
    const { name } = model.written;
    if (!name || name === model.name) return;
    yield {
      path: 'name',
      message: `name is '${name}' but the folder is '${model.name}'`,
      fix: configFix(model, `set name to "${model.name}", or rename the folder to ${name}`, {
        path: 'name',
        value: model.name,
      }),
    };
  },
};
