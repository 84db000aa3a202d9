import { meetingsOf } from '../../meetings.ts';
import type { EnsembleRule } from '../../rule.ts';
import { shownShape } from '../../shapes.ts';

export const unbatchedMember: EnsembleRule = {
  code: 'ensemble/unbatched-member',
  severity: 'warning',
  scope: 'ensemble',
  summary: 'An ensemble that batches has members that batch.',
  why: 'A member with `max_batch_size` 0 may stand in a batching ensemble, and then gets the tensor with its batch dimension in front. When its own dims leave no room for one, only requests with a single row get through: Triton takes a leading 1 away, and nothing else.',
  fix: 'Give the member a `max_batch_size`, or put the batch dimension (-1) in front of its dims.',
  *check(model) {
    if (!model.batches) return;
    const seen = new Set<string>();
    for (const [name, sides] of meetingsOf(model)) {
      const source = sides.find((one) => one.role !== 'consumes' && one.batches);
      if (source === undefined) continue;
      for (const reader of sides) {
        if (reader.role !== 'consumes' || reader.batches || seen.has(reader.label)) continue;
        if (reader.dims.length === source.dims.length + 1 && reader.dims[0] === -1) continue;
        seen.add(reader.label);
        const left = `${shownShape(source.dims, true)} from ${source.label}`;
        yield {
          path: reader.path,
          message: `tensor '${name}' comes as ${left}, but ${reader.label} takes ${shownShape(reader.dims, false)} without batches: only requests with one row get through`,
        };
      }
    }
  },
};
