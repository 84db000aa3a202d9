import type { ModelRule } from '../../rule.ts';
import { repetitions } from './repetitions.ts';

export const repeatedOutput: ModelRule = {
  code: 'tensors/repeated-output',
  severity: 'warning',
  summary: 'No output is declared twice.',
  why: "Triton's core looks outputs up by name and finds the first; the second declaration is never used. An ensemble cannot map such an output at all.",
  fix: 'Remove the second declaration.',
  *check(model) {
    for (const { path, label } of repetitions(model, 'output')) yield { path, message: `${label} is declared twice` };
  },
};
