import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';
import { queuePolicies } from './policies.ts';

export const timeoutOverride: ModelRule = {
  code: 'batching/timeout-override',
  severity: 'warning',
  summary: '`allow_timeout_override` comes with a default timeout.',
  why: 'A request may only shorten the timeout that the policy gives. With `default_timeout_microseconds` 0 there is none to shorten, and the timeouts that clients send are ignored.',
  fix: 'Set `default_timeout_microseconds` to the longest time that a request may wait.',
  *check(model) {
    for (const { path, policy } of queuePolicies(model)) {
      if (!policy.allow_timeout_override || toInteger(policy.default_timeout_microseconds) > 0) continue;
      yield {
        path: `${path}.allow_timeout_override`,
        message: 'allow_timeout_override has no effect: default_timeout_microseconds is 0',
      };
    }
  },
};
