import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const priorityPolicyKey: ModelRule = {
  code: 'batching/priority-policy-key',
  severity: 'error',
  summary: 'Every key of `priority_queue_policy` is a level from 1 to `priority_levels`.',
  why: 'Triton refuses a queue policy for a level that does not exist. Levels count from 1.',
  fix: 'Change the key to a level that exists, or raise `priority_levels`.',
  *check(model) {
    const { priority_levels, priority_queue_policy = {} } = model.written.dynamic_batching ?? {};
    const levels = toInteger(priority_levels);
    if (levels === 0) return;
    for (const key of Object.keys(priority_queue_policy)) {
      if (Number(key) >= 1 && Number(key) <= levels) continue;
      yield {
        path: `dynamic_batching.priority_queue_policy["${key}"]`,
        message: `priority_queue_policy has a policy for level ${key}, it must be 1 to ${levels} (priority_levels)`,
      };
    }
  },
};
