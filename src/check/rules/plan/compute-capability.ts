import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';
import { planOf } from './manifest.ts';

export const computeCapability: ModelRule = {
  code: 'plan/compute-capability',
  severity: 'error',
  summary: 'A plan was built for the GPU that serves.',
  why: 'A TensorRT plan holds kernels for one compute capability (for later ones too if built to be hardware compatible) and does not load on another. `cc_model_filenames` chooses between plans for several.',
  fix: 'Build the plan on such a GPU, and list it in `cc_model_filenames`.',
  *check(model) {
    const plan = planOf(model);
    const { computeCapability: wanted } = model.repository.host;
    if (plan?.computeCapability === undefined || wanted === undefined || plan.computeCapability === wanted) return;
    if (Object.hasOwn(model.written.cc_model_filenames ?? {}, wanted)) return;
    if (plan.hardwareCompatible && Number(plan.computeCapability) <= Number(wanted)) return;
    yield {
      file: join(model.entry.dir, 'conch.json'),
      message: `the plan was built for compute capability ${plan.computeCapability}, the GPU has ${wanted}`,
    };
  },
};
