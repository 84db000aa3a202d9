import { toInteger } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const defaultPriority: ModelRule = {
  code: 'batching/default-priority',
  severity: 'error',
  summary: '`default_priority_level` lies in 1 to `priority_levels`.',
  why: 'With priority levels every request needs one; those that name none get the default. Level 1 is the most urgent. The default is not filled in: absent means 0, which is outside.',
  fix: 'Set `default_priority_level` to a level from 1 to `priority_levels`.',
  *check(model) {
    const { priority_levels, default_priority_level } = model.written.dynamic_batching ?? {};
    const levels = toInteger(priority_levels);
    const level = toInteger(default_priority_level);
    if (levels === 0 || (level >= 1 && level <= levels)) return;
    const given = default_priority_level === undefined ? 'absent and so 0' : String(level);
    yield {
      path: 'dynamic_batching.default_priority_level',
      message: `default_priority_level is ${given}, it must be 1 to ${levels} (priority_levels)`,
    };
  },
};
