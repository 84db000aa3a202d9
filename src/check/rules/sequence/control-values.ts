import type { ModelRule } from '../../rule.ts';
import { controlsOf, pairsOf } from './controls.ts';

export const controlValues: ModelRule = {
  code: 'sequence/control-values',
  severity: 'error',
  summary: 'START, END and READY give exactly one pair of values, CORRID gives none.',
  why: 'The pair says what the model receives for false and for true, in this order, and its field chooses the data type. A correlation id has no false and true.',
  fix: 'Write one of `int32_false_true`, `fp32_false_true`, `bool_false_true` with two values; for CORRID write `data_type` instead.',
  *check(model) {
    for (const { kind, input, path, control } of controlsOf(model)) {
      const pairs = pairsOf(control);
      const [first, second] = pairs;
      const label = `${kind} on '${input}'`;
      if (kind === 'CONTROL_SEQUENCE_CORRID') {
        if (first) yield { path: `${path}.${first.field}`, message: `${label} must not have ${first.field}` };
      } else if (first === undefined) {
        yield { path, message: `${label} has none of int32_false_true, fp32_false_true and bool_false_true` };
      } else if (second !== undefined) {
        yield { path: `${path}.${second.field}`, message: `${label} has both ${first.field} and ${second.field}` };
      } else if (first.length !== 2) {
        const message = `${label} has ${first.length} values in ${first.field}, it must be 2: false, true`;
        yield { path: `${path}.${first.field}`, message };
      }
    }
  },
};
