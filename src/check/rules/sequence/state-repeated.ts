import type { ModelRule } from '../../rule.ts';
import { statesOf } from './states.ts';

export const stateRepeated: ModelRule = {
  code: 'sequence/state-repeated',
  severity: 'warning',
  summary: 'Each state has an input and an output of its own.',
  why: 'A state feeds one model input from one model output. With the same input in two states one of them wins, and with initial states Triton refuses the model.',
  fix: 'Keep one state for each input.',
  *check(model) {
    const inputs = new Set<string>();
    const initialised = new Set<string>();
    for (const { path, state } of statesOf(model)) {
      const name = state.input_name ?? '';
      const initial = (state.initial_state ?? []).length > 0;
      if (inputs.has(name)) {
        const severity = initial && initialised.has(name) ? ({ severity: 'error' } as const) : {};
        yield { path: `${path}.input_name`, message: `state input '${name}' is used by two states`, ...severity };
      }
      inputs.add(name);
      if (initial) initialised.add(name);
    }
  },
};
