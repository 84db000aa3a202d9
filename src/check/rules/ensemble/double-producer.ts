import { traceFlow } from '../../flow.ts';
import type { ModelRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const doubleProducer: ModelRule = {
  code: 'ensemble/double-producer',
  severity: 'error',
  summary: 'Each ensemble tensor is written by one step.',
  why: 'A tensor name may be the value of one output mapping only; which of two writers would win is undefined, so Triton refuses the second.',
  fix: 'Give the second tensor another name.',
  *check(model) {
    const steps = stepsOf(model);
    const label = (index: number) => `step ${index} (${steps[index]!.modelName})`;
    for (const { name, producers } of traceFlow(model)?.tensors.values() ?? []) {
      const [first, ...others] = producers;
      for (const { step, path } of others) {
        yield { path, message: `tensor '${name}' is written by ${label(first!.step)} and by ${label(step)}` };
      }
    }
  },
};
