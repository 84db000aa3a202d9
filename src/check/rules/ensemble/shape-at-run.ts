import { meetingsOf } from '../../meetings.ts';
import type { EnsembleRule } from '../../rule.ts';
import { shownShape } from '../../shapes.ts';
import { shapesMeet } from './shape.ts';

export const shapeAtRun: EnsembleRule = {
  code: 'ensemble/shape-at-run',
  severity: 'error',
  stage: 'request',
  scope: 'ensemble',
  summary: 'What a step writes fits what the next step reads, also behind a -1.',
  why: 'When the ensemble declares a tensor with -1, Triton compares each member with that declaration only. Members that contradict one another then load, and every request fails in the step that reads.',
  fix: 'Correct the dims of one of the two members, and declare the tensor with the real size.',
  *check(model) {
    for (const [name, all] of meetingsOf(model)) {
      const sides = all.filter((one) => one.hasShape);
      const first = sides[0];
      const writer = sides.find((one) => one.role === 'produces');
      if (first === undefined || writer === undefined || !shapesMeet(first, writer)) continue;
      for (const reader of sides) {
        // What does not shapesMeet the first side is reported by ensemble/shape.
        if (reader.role !== 'consumes' || shapesMeet(writer, reader) || !shapesMeet(first, reader)) continue;
        const left = `${shownShape(writer.dims, writer.batches)} from ${writer.label}`;
        const right = `${shownShape(reader.dims, reader.batches)} is wanted by ${reader.label}`;
        yield { path: reader.path, message: `tensor '${name}' comes as ${left}, but ${right}` };
      }
    }
  },
};
