import { meetingsOf, type Side } from '../../meetings.ts';
import type { EnsembleRule } from '../../rule.ts';
import { agree, shownShape } from '../../shapes.ts';

export const shape: EnsembleRule = {
  code: 'ensemble/shape',
  severity: 'error',
  scope: 'ensemble',
  summary: 'All that meet at one ensemble tensor have shapes that shapesMeet.',
  why: 'Triton compares every side with the first one: without the batch dimension, and with it, counted as -1 for models that batch. -1 fits anything. One of the two comparisons has to succeed. Of the ensemble itself the `reshape` counts, of members the `dims` that their clients see.',
  fix: 'Correct the dims on one side. When one side carries the batch dimension in its dims and the other in `max_batch_size`, make both do the same.',
  *check(model) {
    for (const [name, sides] of meetingsOf(model)) {
      const [first, ...others] = sides.filter((one) => one.hasShape);
      for (const side of others) {
        if (shapesMeet(first!, side)) continue;
        const left = `${shownShape(first!.dims, first!.batches)} as ${first!.label}`;
        const right = `${shownShape(side.dims, side.batches)} as ${side.label}`;
        yield { path: side.path, message: `tensor '${name}' is ${left}, but ${right}` };
      }
    }
  },
};

/** Core's test: equal dims, or equal shapes with the batch dimension as -1 in front (ensemble_utils.cc). */
export function shapesMeet(left: Side, right: Side): boolean {
  return agree(left.dims, right.dims) || agree(full(left), full(right));
}

function full({ dims, batches }: Side): readonly number[] {
  return batches ? [-1, ...dims] : dims;
}
