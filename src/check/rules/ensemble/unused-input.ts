import { traceFlow } from '../../flow.ts';
import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const unusedInput: ModelRule = {
  code: 'ensemble/unused-input',
  severity: 'error',
  summary: 'Every input of an ensemble is read by a step.',
  why: 'Triton refuses an ensemble that asks clients for a tensor which no step reads.',
  fix: 'Map the input to a model in a step, or remove it.',
  *check(model) {
    const flow = traceFlow(model);
    if (flow === undefined) return;
    const { tensors } = flow;
    const loose = [...tensors.values()].filter((one) => !one.ready).map((one) => one.name);
    for (const [index, { name = '' }] of (model.written.input ?? []).entries()) {
      if (name === '' || (tensors.get(name)?.consumers.length ?? 0) > 0) continue;
      yield { path: `input[${index}]`, message: `input '${name}' is read by no step${didYouMean(name, loose)}` };
    }
  },
};
