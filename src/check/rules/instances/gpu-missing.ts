import type { Finding, ModelRule } from '../../rule.ts';
import { type GroupView, groupsOf } from './groups.ts';

export const gpuMissing: ModelRule = {
  code: 'instances/gpu-missing',
  severity: 'error',
  summary: 'The GPUs that instance groups ask for are there.',
  why: 'Triton refuses a KIND_GPU group on a machine without a usable GPU, and any group that lists a GPU which is missing or too old (compute capability below 6.0). Without `kind`, or with KIND_AUTO and no list, the same config runs on GPUs where there are some and on the CPU elsewhere. When nothing is known about the serving machine this is a warning.',
  fix: 'Remove `kind` to run on either, use KIND_CPU, or list GPUs that exist.',
  *check(model) {
    const { gpus: usable } = model.repository.host;
    for (const group of groupsOf(model)) {
      const finding = judge(group, usable);
      if (finding !== undefined) yield finding;
    }
  },
};

function judge({ path, label, kind, gpus }: GroupView, usable: readonly number[] | undefined): Finding | undefined {
  if (kind !== 'KIND_GPU' && !(kind === 'KIND_AUTO' && gpus.length > 0)) return undefined;
  const listed = gpus.length > 0 ? `gpus [${gpus.join(', ')}]` : `kind ${kind}`;
  const at = gpus.length > 0 ? `${path}.gpus` : `${path}.kind`;
  const negative = gpus.filter((gpu) => gpu < 0);
  if (negative.length > 0) return { path: at, message: `${label} lists gpus [${gpus.join(', ')}]; ids count from 0` };
  if (usable === undefined) {
    return {
      path: at,
      message: `${label} with ${listed} loads only on a machine with such a GPU`,
      severity: 'warning',
    };
  }
  const missing = gpus.filter((gpu) => !usable.includes(gpu));
  if (usable.length > 0 && missing.length === 0) return undefined;
  const there = usable.length === 0 ? 'no usable GPU' : `GPU ${usable.join(', ')}`;
  return { path: at, message: `${label} asks for ${listed}, the machine has ${there}` };
}
