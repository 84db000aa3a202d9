import { toInteger } from '../../../config/index.ts';
import { configFix } from '../../edits.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const version: EnsembleRule = {
  code: 'ensemble/version',
  severity: 'error',
  scope: 'ensemble',
  summary: 'The version that a step asks for is one that its model serves.',
  why: '`model_version: -1` means the newest version. An absent field is 0, and that means version 0, not "any": the ensemble is refused when the model serves no version 0. A version must be on disk and selected by the version policy of the member.',
  fix: 'Write `model_version: -1`.',
  *check(model) {
    for (const { step, path, index, member, modelName } of stepsOf(model)) {
      const wanted = toInteger(step.model_version);
      if (member === undefined || wanted === -1) continue;
      const served = member.versions.map((one) => one.version);
      const isThere = served.includes(wanted);
      const absent = step.model_version === undefined;
      if (isThere && !absent) continue;
      const at = `${path}.model_version`;
      const asks = absent
        ? `step ${index} has no model_version, which means version 0`
        : `step ${index} asks for version ${wanted}`;
      const serves = `${modelName} serves ${served.length === 1 ? 'version' : 'versions'} ${served.join(', ')}`;
      yield {
        path: at,
        message: isThere ? `${asks} of ${modelName}, not its newest` : `${asks}; ${serves}`,
        fix: configFix(model, 'set model_version: -1 for the newest version', { path: at, value: -1 }),
        ...(isThere ? { severity: 'warning' } : {}),
      };
    }
  },
};
