import { configFix } from '../../edits.ts';
import type { ModelRule } from '../../rule.ts';

export const platform: ModelRule = {
  code: 'ensemble/platform',
  severity: 'error',
  summary: 'An ensemble has `platform: "ensemble"`, `ensemble_scheduling`, and no backend.',
  why: 'The platform and the scheduling both make an ensemble, and Triton wants both: the one without the other is refused, as is a backend beside them.',
  fix: 'Write `platform: "ensemble"` and remove `backend`.',
  *check(model) {
    const { platform: given, ensemble_scheduling, backend } = model.written;
    if (ensemble_scheduling !== undefined && given !== 'ensemble') {
      yield {
        path: given === undefined ? 'ensemble_scheduling' : 'platform',
        message: `ensemble_scheduling needs platform "ensemble", ${given ? `it is '${given}'` : 'it is absent'}`,
        fix: configFix(model, 'set platform: "ensemble"', { path: 'platform', value: 'ensemble' }),
      };
    } else if (given === 'ensemble' && ensemble_scheduling === undefined) {
      const other = model.written.dynamic_batching ? 'dynamic_batching' : 'sequence_batching';
      const found = model.written.dynamic_batching || model.written.sequence_batching ? `; it has ${other}` : '';
      yield { path: 'platform', message: `platform is "ensemble" but there is no ensemble_scheduling${found}` };
    }
    if (backend && (given === 'ensemble' || ensemble_scheduling !== undefined)) {
      yield {
        path: 'backend',
        message: `an ensemble has no backend, it is '${backend}'`,
        fix: configFix(model, 'remove backend', { path: 'backend', value: undefined }),
      };
    }
  },
};
