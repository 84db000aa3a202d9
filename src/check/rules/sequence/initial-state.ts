import {
  dimsOf,
  type ModelSequenceBatching_InitialState,
  type ModelSequenceBatching_State,
} from '../../../config/index.ts';
import { shownType } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { statesOf } from './states.ts';

export const initialState: ModelRule = {
  code: 'sequence/initial-state',
  severity: 'error',
  summary: 'A state has at most one initial state, of its own type and of concrete dims.',
  why: 'On the first request of a sequence the state input gets its initial state. Triton refuses the model when it builds the scheduler if that does not fit the state: more than one, another type or rank, a variable dimension, a dimension that differs from a fixed one, no name or no data.',
  fix: 'Give one `initial_state` with a name, the type and dims of the state (1 for variable ones), and `zero_data: true` or a `data_file`.',
  *check(model) {
    for (const { path, label, state } of statesOf(model)) {
      const all = state.initial_state ?? [];
      if (all.length > 1) {
        const message = `${label} has ${all.length} initial states, it can have one`;
        yield { path: `${path}.initial_state[1]`, message };
        continue;
      }
      const [initial] = all;
      if (initial === undefined) continue;
      for (const [field, what] of faults(state, initial)) {
        yield { path: `${path}.initial_state[0].${field}`, message: `the initial_state of ${label} ${what}` };
      }
    }
  },
};

function* faults(
  state: ModelSequenceBatching_State,
  initial: ModelSequenceBatching_InitialState,
): Generator<[string, string]> {
  if (!initial.name) yield ['name', 'has no name'];
  if (initial.data_type !== state.data_type) {
    yield ['data_type', `is ${shownType(initial.data_type)}, the state is ${shownType(state.data_type)}`];
  }
  const dims = dimsOf(initial);
  const own = dimsOf(state);
  const shapes = `[${dims.join(', ')}], the state [${own.join(', ')}]`;
  if (dims.length !== own.length) yield ['dims', `has dims ${shapes}: the ranks differ`];
  else if (dims.some((one) => one < 0)) yield ['dims', `has a variable dimension in [${dims.join(', ')}]`];
  else if (dims.some((one, at) => own[at]! >= 0 && own[at] !== one)) yield ['dims', `has dims ${shapes}`];
  if (initial.zero_data === undefined && initial.data_file === undefined) {
    yield ['zero_data', 'has no data: neither zero_data nor data_file is given'];
  }
}
