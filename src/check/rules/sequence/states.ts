import type { ModelSequenceBatching_State } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

export interface StateView {
  readonly path: string;
  /** `state 'h'`, or `state[0]` while it has no input name. */
  readonly label: string;
  readonly state: ModelSequenceBatching_State;
}

/** The implicit states of a sequence model, with their places. */
export function statesOf(model: ModelView): StateView[] {
  const states = model.written.sequence_batching?.state ?? [];
  return states.map((state, index) => ({
    path: `sequence_batching.state[${index}]`,
    label: state.input_name ? `state '${state.input_name}'` : `state[${index}]`,
    state,
  }));
}
