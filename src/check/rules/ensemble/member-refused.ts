import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const memberRefused: EnsembleRule = {
  code: 'ensemble/member-refused',
  severity: 'error',
  scope: 'ensemble',
  summary: 'Every member of an ensemble loads.',
  why: 'An ensemble is validated when its members have loaded. When one did not, Triton refuses the ensemble too. Tensors are not compared with such a member.',
  fix: 'Repair the member; its own findings say what is wrong with it.',
  *check(model) {
    const seen = new Set<string>();
    const { circular } = model.repository;
    for (const { named, modelName, path, index } of stepsOf(model)) {
      const cause = model.repository.refusal(modelName);
      if (named === undefined || cause === undefined || seen.has(modelName)) continue;
      // Ensembles in a circle are all reported as that.
      if (circular.has(modelName) && circular.has(model.name)) continue;
      seen.add(modelName);
      const through = cause.model === modelName ? '' : ` because of ${cause.model}`;
      const message = `step ${index} needs ${modelName}, which Triton refuses${through}: ${cause.message}`;
      yield { path: `${path}.model_name`, message, because: modelName };
    }
  },
};
