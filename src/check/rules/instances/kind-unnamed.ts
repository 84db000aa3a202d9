import type { ModelRule } from '../../rule.ts';
import { groupsOf } from './groups.ts';

export const kindUnnamed: ModelRule = {
  code: 'instances/kind-unnamed',
  severity: 'error',
  summary: 'The `kind` of an instance group is one that has a name.',
  why: 'The text format takes numbers for enumerations, also those that stand for nothing. Triton then finds no device for the group and refuses the model.',
  fix: 'Write KIND_CPU, KIND_GPU, KIND_MODEL or KIND_AUTO.',
  *check(model) {
    for (const { path, label, kind } of groupsOf(model)) {
      if (!kind.startsWith('KIND_'))
        yield { path: `${path}.kind`, message: `${label} has kind ${kind}, which stands for none` };
    }
  },
};
