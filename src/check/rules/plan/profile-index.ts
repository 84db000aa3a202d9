import type { ModelRule } from '../../rule.ts';
import { planOf } from './manifest.ts';

export const profileIndex: ModelRule = {
  code: 'plan/profile-index',
  severity: 'error',
  summary: 'Instance groups name profiles that the plan has.',
  why: 'The TensorRT backend refuses an instance whose profile index does not exist in the engine. Profiles count from 0.',
  fix: 'Use an index below the number of profiles.',
  *check(model) {
    const profiles = planOf(model)?.profiles ?? [];
    if (profiles.length === 0) return;
    for (const [at, group] of (model.written.instance_group ?? []).entries()) {
      for (const [index, text] of (group.profile ?? []).entries()) {
        if (!/^\d+$/.test(text) || Number(text) < profiles.length) continue;
        yield {
          path: `instance_group[${at}].profile[${index}]`,
          message: `profile ${text} does not exist: the plan has ${profiles.length}, counted from 0`,
        };
      }
    }
  },
};
