import type { ModelRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const nameEscapes: ModelRule = {
  code: 'ensemble/name-escapes',
  severity: 'error',
  summary: 'The model of a step is named, not given as a path.',
  why: 'Releases of Triton up to the time of writing join `model_name` to the repository without looking, so that `../other/model` loads a model from outside (triton-inference-server/core issue 500). conch refuses such names for every release.',
  fix: 'Move the model into the repository and write its folder name.',
  *check(model) {
    for (const { modelName, path, index } of stepsOf(model)) {
      if (!/[/\\]/.test(modelName) && modelName !== '..' && modelName !== '.') continue;
      yield {
        path: `${path}.model_name`,
        message: `step ${index} names '${modelName}', which leads out of the repository`,
      };
    }
  },
};
