import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';
import { delays, queuePolicies } from './policies.ts';

export const timeoutBelowDelay: ModelRule = {
  code: 'batching/timeout-below-delay',
  severity: 'warning',
  summary: 'A queue timeout is longer than the time that the batcher waits for company.',
  why: 'A request that arrives alone waits up to `max_queue_delay_microseconds` for others. When its queue timeout ends first, it is rejected although the model is idle.',
  fix: 'Make `default_timeout_microseconds` longer than `max_queue_delay_microseconds`.',
  *check(model) {
    const delay = toInteger(model.written.dynamic_batching?.max_queue_delay_microseconds);
    for (const { path, policy } of queuePolicies(model)) {
      const timeout = toInteger(policy.default_timeout_microseconds);
      if (timeout === 0 || timeout > delay || delays(policy)) continue;
      yield {
        path: `${path}.default_timeout_microseconds`,
        message: `default_timeout_microseconds ${timeout} is not above max_queue_delay_microseconds ${delay}: a lone request is rejected while it waits for company`,
      };
    }
  },
};
