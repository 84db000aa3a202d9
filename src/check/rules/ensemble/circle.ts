import { circleThrough } from '../../order.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const circle: EnsembleRule = {
  code: 'ensemble/circle',
  severity: 'error',
  scope: 'ensemble',
  summary: 'No ensemble contains itself.',
  why: 'Ensembles may contain ensembles. When the way down leads back to where it began there is nothing that could run, and Triton refuses all ensembles on the way.',
  fix: 'Let one of the ensembles name a real model instead.',
  *check(model) {
    if (!model.repository.circular.has(model.name)) return;
    const way = circleThrough(model)!;
    const step = stepsOf(model).find((one) => one.modelName === way[1]);
    const message =
      way.length === 2
        ? `the ensemble ${model.name} is a step of itself`
        : `ensembles in a circle: ${way.join(' -> ')}`;
    yield { path: `${step?.path ?? 'ensemble_scheduling'}.model_name`, message };
  },
};
