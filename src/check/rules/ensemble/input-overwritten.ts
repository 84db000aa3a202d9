import { traceFlow } from '../../flow.ts';
import type { ModelRule } from '../../rule.ts';

export const inputOverwritten: ModelRule = {
  code: 'ensemble/input-overwritten',
  severity: 'warning',
  summary: 'No step writes to an input of the ensemble.',
  why: 'Triton accepts it, and the tensor then has two values: the one of the request and the one of the step. Steps that read it may see either.',
  fix: 'Give the output of the step another name.',
  *check(model) {
    const flow = traceFlow(model);
    if (flow === undefined) return;
    const { tensors } = flow;
    for (const { name = '' } of model.written.input ?? []) {
      for (const { step, path } of tensors.get(name)?.producers ?? []) {
        yield { path, message: `step ${step} writes to '${name}', which is an input of the ensemble` };
      }
    }
  },
};
