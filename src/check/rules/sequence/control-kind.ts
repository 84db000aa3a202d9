import type { ModelRule } from '../../rule.ts';
import { controlsOf, kinds } from './controls.ts';

export const controlKind: ModelRule = {
  code: 'sequence/control-kind',
  severity: 'error',
  summary: 'Each kind of control signal is given at most once.',
  why: 'A model gets each of START, END, READY and CORRID through one input. Triton refuses a kind that is given twice. A control without a `kind` counts as CONTROL_SEQUENCE_START.',
  fix: 'Keep one input for each kind.',
  *check(model) {
    const seen = new Map<string, string>();
    for (const { kind, input, path, control } of controlsOf(model)) {
      const before = seen.get(kind);
      if (before === undefined || !(kinds as readonly string[]).includes(kind)) seen.set(kind, input);
      else {
        const implied = control.kind === undefined ? ' (the kind is absent)' : '';
        yield { path: `${path}.kind`, message: `${kind} is given twice, on '${before}' and on '${input}'${implied}` };
      }
    }
  },
};
