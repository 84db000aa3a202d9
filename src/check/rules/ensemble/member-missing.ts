import { nearest } from '../../names.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const memberMissing: EnsembleRule = {
  code: 'ensemble/member-missing',
  severity: 'error',
  scope: 'ensemble',
  summary: 'Every model that a step names is in the repository.',
  why: 'Triton looks a member up by the name of its folder. Without it the ensemble is refused, also when the member itself could not be polled.',
  fix: 'Correct `model_name`, or add the model to the repository.',
  *check(model) {
    for (const { named, modelName, path, index } of stepsOf(model)) {
      if (named !== undefined || modelName === '') continue;
      const guess = nearest(modelName, model.repository.models.keys());
      const hint = guess === undefined || guess === model.name ? '' : `; did you mean '${guess}'?`;
      if (!isName(modelName)) continue;
      yield {
        path: `${path}.model_name`,
        message: `step ${index} names '${modelName}', which is not in the repository${hint}`,
      };
    }
  },
};

/** Names that lead elsewhere are a matter of `ensemble/name-escapes`. */
function isName(name: string): boolean {
  return !/[/\\]/.test(name) && name !== '..' && name !== '.';
}
