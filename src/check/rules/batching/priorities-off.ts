import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const prioritiesOff: ModelRule = {
  code: 'batching/priorities-off',
  severity: 'warning',
  summary: 'Priority settings come with `priority_levels`.',
  why: 'Without `priority_levels` (or with 0) there is one queue and no priority: a default level and policies for levels are accepted and never read.',
  fix: 'Set `priority_levels`, or remove the settings for levels.',
  *check(model) {
    const batching = model.written.dynamic_batching;
    if (batching === undefined || toInteger(batching.priority_levels) > 0) return;
    const unread = toInteger(batching.default_priority_level)
      ? 'default_priority_level'
      : Object.keys(batching.priority_queue_policy ?? {}).length > 0
        ? 'priority_queue_policy'
        : undefined;
    if (unread === undefined) return;
    yield { path: `dynamic_batching.${unread}`, message: `${unread} has no effect: priority_levels is 0` };
  },
};
