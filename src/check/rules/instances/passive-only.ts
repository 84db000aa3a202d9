import type { ModelRule } from '../../rule.ts';
import { groupsOf } from './groups.ts';

export const passiveOnly: ModelRule = {
  code: 'instances/passive-only',
  severity: 'error',
  stage: 'request',
  summary: 'At least one instance group is not passive.',
  why: 'Passive instances are created and never given work. A model with passive groups only loads, reports ready, and leaves every request waiting.',
  fix: 'Remove `passive` from one group.',
  *check(model) {
    const groups = groupsOf(model);
    if (groups.length === 0 || groups.some(({ group }) => !group.passive)) return;
    yield { path: 'instance_group[0].passive', message: 'all instance groups are passive: nothing runs the requests' };
  },
};
