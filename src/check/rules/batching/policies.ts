import type { ModelQueuePolicy } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

/** Every queue policy that the dynamic batcher is given: the default one, then those of levels. */
export function queuePolicies(model: ModelView): { path: string; policy: ModelQueuePolicy }[] {
  const { default_queue_policy, priority_queue_policy = {} } = model.written.dynamic_batching ?? {};
  const policies = Object.entries(priority_queue_policy).map(([level, policy]) => ({
    path: `dynamic_batching.priority_queue_policy["${level}"]`,
    policy,
  }));
  if (default_queue_policy === undefined) return policies;
  return [{ path: 'dynamic_batching.default_queue_policy', policy: default_queue_policy }, ...policies];
}

export function delays(policy: ModelQueuePolicy): boolean {
  return policy.timeout_action === 'DELAY' || policy.timeout_action === 1;
}
