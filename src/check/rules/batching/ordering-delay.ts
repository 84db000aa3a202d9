import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';
import { delays, queuePolicies } from './policies.ts';

export const orderingDelay: ModelRule = {
  code: 'batching/ordering-delay',
  severity: 'error',
  summary: '`preserve_ordering` goes with no queue policy that delays.',
  why: 'The action DELAY moves requests whose timeout has passed behind all others, which changes their order. Triton refuses it together with `preserve_ordering` when the timeout is not 0, in the default policy and in those of levels alike.',
  fix: 'Use `timeout_action: REJECT`, or remove `preserve_ordering`.',
  *check(model) {
    if (!model.written.dynamic_batching?.preserve_ordering) return;
    for (const { path, policy } of queuePolicies(model)) {
      const timeout = toInteger(policy.default_timeout_microseconds);
      if (!delays(policy) || timeout === 0) continue;
      yield {
        path: `${path}.timeout_action`,
        message: `timeout_action DELAY after ${timeout} us cannot go with preserve_ordering`,
      };
    }
  },
};
