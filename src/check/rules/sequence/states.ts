import type { ModelSequenceBatching_State } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

/** The implicit states of a sequence model, with their places. */
export function statesOf(model: ModelView): { path: string; state: ModelSequenceBatching_State }[] {
  const states = model.written.sequence_batching?.state ?? [];
  return states.map((state, index) => ({ path: `sequence_batching.state[${index}]`, state }));
}
