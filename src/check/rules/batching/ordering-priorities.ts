import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const orderingPriorities: ModelRule = {
  code: 'batching/ordering-priorities',
  severity: 'error',
  summary: '`preserve_ordering` goes with at most one priority level.',
  why: 'Priorities exist to let later requests overtake, `preserve_ordering` forbids it. Triton refuses more than one level together with it.',
  fix: 'Remove `preserve_ordering`, or `priority_levels`.',
  *check(model) {
    const { preserve_ordering, priority_levels } = model.written.dynamic_batching ?? {};
    const levels = toInteger(priority_levels);
    if (!preserve_ordering || levels <= 1) return;
    yield {
      path: 'dynamic_batching.preserve_ordering',
      message: `preserve_ordering allows one priority level, priority_levels is ${levels}`,
    };
  },
};
