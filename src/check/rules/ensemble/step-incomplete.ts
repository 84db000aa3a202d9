import type { ModelRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const stepIncomplete: ModelRule = {
  code: 'ensemble/step-incomplete',
  severity: 'error',
  summary: 'An ensemble has steps, each with `model_name`, `input_map` and `output_map`.',
  why: 'Triton refuses an ensemble without steps, and a step that lacks one of the three. Steps are counted from 0 in its messages and here.',
  fix: 'Write the missing field: keys of the maps are tensors of the model, values are tensors of the ensemble.',
  *check(model) {
    const { ensemble_scheduling } = model.written;
    if (ensemble_scheduling === undefined) return;
    const steps = stepsOf(model);
    if (steps.length === 0) yield { path: 'ensemble_scheduling', message: 'the ensemble has no step' };
    for (const { step, path, index, modelName } of steps) {
      const missing = [
        modelName ? '' : 'model_name',
        Object.keys(step.input_map ?? {}).length > 0 ? '' : 'input_map',
        Object.keys(step.output_map ?? {}).length > 0 ? '' : 'output_map',
      ].filter(Boolean);
      const label = modelName ? `step ${index} (${modelName})` : `step ${index}`;
      if (missing.length > 0) yield { path, message: `${label} has no ${missing.join(', no ')}` };
    }
  },
};
