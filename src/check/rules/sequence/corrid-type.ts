import { hasType, shownType } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { controlsOf } from './controls.ts';

const allowed = ['TYPE_UINT64', 'TYPE_INT64', 'TYPE_UINT32', 'TYPE_INT32', 'TYPE_STRING'];

export const corridType: ModelRule = {
  code: 'sequence/corrid-type',
  severity: 'error',
  summary: 'The correlation id has an integer or string type.',
  why: 'Correlation ids are 64-bit numbers or strings; Triton hands them over as UINT64, INT64, UINT32, INT32 (the low 32 bits) or STRING.',
  fix: 'Set `data_type: TYPE_UINT64`, or one of the other four.',
  *check(model) {
    for (const { kind, input, path, control } of controlsOf(model)) {
      if (kind !== 'CONTROL_SEQUENCE_CORRID' || allowed.includes(String(control.data_type))) continue;
      const given = hasType(control.data_type) ? shownType(control.data_type) : 'no data_type';
      const message = `CONTROL_SEQUENCE_CORRID on '${input}' has ${given}, it must be one of ${allowed.join(', ')}`;
      yield { path: `${path}.data_type`, message };
    }
  },
};
