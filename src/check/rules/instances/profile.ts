import type { ModelRule } from '../../rule.ts';
import { groupsOf } from './groups.ts';

export const profile: ModelRule = {
  code: 'instances/profile',
  severity: 'error',
  summary: '`profile` lists optimisation profiles of a TensorRT plan by their index.',
  why: 'Profiles exist in TensorRT engines only: Triton refuses the field on every other platform. Each entry is the decimal text of an index, counted from 0.',
  fix: 'Remove `profile`, or write indices such as `profile: [ "0", "1" ]`.',
  *check(model) {
    for (const { path, label, group } of groupsOf(model)) {
      const profiles = group.profile ?? [];
      if (profiles.length === 0) continue;
      if (model.config.platform !== 'tensorrt_plan') {
        const message = `${label} sets profile, which is for TensorRT; the backend is '${model.backend}'`;
        yield { path: `${path}.profile`, message };
        continue;
      }
      for (const [index, one] of profiles.entries()) {
        if (/^\d+$/.test(one)) continue;
        yield {
          path: `${path}.profile[${index}]`,
          message: `${label} has profile '${one}', it must be an index such as 0`,
        };
      }
    }
  },
};
