import { shownType } from '../../fields.ts';
import { meetingsOf } from '../../meetings.ts';
import type { EnsembleRule } from '../../rule.ts';

export const datatype: EnsembleRule = {
  code: 'ensemble/datatype',
  severity: 'error',
  scope: 'ensemble',
  summary: 'All that meet at one ensemble tensor have one data type.',
  why: 'An ensemble converts nothing: the declared tensor, the output that writes it and the inputs that read it have the same type, or Triton refuses the ensemble.',
  fix: 'Declare the type that the members have, or convert in one of the models.',
  *check(model) {
    for (const [name, sides] of meetingsOf(model)) {
      const [first, ...others] = sides.filter((one) => one.hasType);
      const reported = new Set<unknown>([first?.tensor.data_type]);
      for (const { path, label, tensor } of others) {
        if (reported.has(tensor.data_type)) continue;
        reported.add(tensor.data_type);
        const types = `${shownType(first!.tensor.data_type)} as ${first!.label}, but ${shownType(tensor.data_type)} as ${label}`;
        yield { path, message: `tensor '${name}' is ${types}` };
      }
    }
  },
};
