import { hasType } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { statesOf } from './states.ts';

export const stateIncomplete: ModelRule = {
  code: 'sequence/state-incomplete',
  severity: 'error',
  stage: 'request',
  summary: 'Every state names its input and output, its data type and dims.',
  why: 'Triton loads a model whose state lacks one of these, and cannot make the state tensor when the first sequence begins.',
  fix: 'Set `input_name`, `output_name`, `data_type` and `dims`.',
  *check(model) {
    for (const { path, label, state } of statesOf(model)) {
      const missing = [
        state.input_name ? '' : 'input_name',
        state.output_name ? '' : 'output_name',
        hasType(state.data_type) ? '' : 'data_type',
        (state.dims ?? []).length > 0 ? '' : 'dims',
      ].filter(Boolean);
      if (missing.length === 0) continue;
      yield { path, message: `${label} has no ${missing.join(', ')}` };
    }
  },
};
