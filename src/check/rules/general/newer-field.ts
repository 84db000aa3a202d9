import { newerFields } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const newerField: ModelRule = {
  code: 'general/newer-field',
  severity: 'error',
  summary: 'Fields are ones that the target release knows.',
  why: 'Triton refuses a config.pbtxt with a field that its release does not know, however well a later one would understand it. Which release brought a field is known from the descriptors in the Python client of every release.',
  fix: 'Remove the field, or serve with a release that has it (`--target`).',
  *check(model) {
    const { target } = model.repository;
    if (target.release === undefined) return;
    for (const { path, message, name, since } of newerFields(model.written, target.release)) {
      yield { path, message: `${message} has no field ${name} before release ${since}; the target is ${target.name}` };
    }
  },
};
