import type { ModelRule } from '../../rule.ts';
import { groupsOf } from './groups.ts';

export const gpusUnwanted: ModelRule = {
  code: 'instances/gpus-unwanted',
  severity: 'error',
  summary: 'Only KIND_GPU and KIND_AUTO groups list `gpus`.',
  why: 'KIND_CPU runs on no GPU, and with KIND_MODEL the model itself chooses its devices. Triton refuses a list of GPUs on either.',
  fix: 'Remove `gpus`, or use KIND_GPU.',
  *check(model) {
    for (const { path, label, kind, gpus } of groupsOf(model)) {
      if (gpus.length === 0 || (kind !== 'KIND_CPU' && kind !== 'KIND_MODEL')) continue;
      yield { path: `${path}.gpus`, message: `${label} has kind ${kind} and lists gpus [${gpus.join(', ')}]` };
    }
  },
};
