import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';
import { planOf } from './manifest.ts';

export const tensorrtVersion: ModelRule = {
  code: 'plan/tensorrt-version',
  severity: 'error',
  summary: 'A plan was built by the TensorRT of the target.',
  why: 'A TensorRT plan is loaded only by the version that built it (by later minor versions if built to be version compatible). Another one refuses it with "expecting library version X got Y". Images of the same month do not always carry the same TensorRT.',
  fix: 'Build the plan inside the image of the target.',
  *check(model) {
    const plan = planOf(model);
    const { target } = model.repository;
    if (plan?.version === undefined || target.tensorrt === undefined) return;
    const [built, wanted] = [plan.version.split('.'), target.tensorrt.split('.')];
    const same = wanted.every((part, index) => built[index] === undefined || built[index] === part);
    if (same || (plan.versionCompatible && built[0] === wanted[0] && Number(built[1]) <= Number(wanted[1]))) return;
    yield {
      file: join(model.entry.dir, 'conch.json'),
      message: `the plan was built by TensorRT ${plan.version}, ${target.name} has ${target.tensorrt}`,
    };
  },
};
