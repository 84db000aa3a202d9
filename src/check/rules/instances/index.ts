import type { Rule } from '../../rule.ts';
import { beyondCores } from './beyond-cores.ts';
import { cpuDefault } from './cpu-default.ts';
import { gpuMissing } from './gpu-missing.ts';
import { gpusUnwanted } from './gpus-unwanted.ts';
import { kindUnnamed } from './kind-unnamed.ts';
import { passiveOnly } from './passive-only.ts';
import { profile } from './profile.ts';
import { resourceClash } from './resource-clash.ts';

/** Instance groups, on the machine that is to serve. */
export const instanceRules: readonly Rule[] = [
  kindUnnamed,
  gpusUnwanted,
  gpuMissing,
  profile,
  resourceClash,
  passiveOnly,
  cpuDefault,
  beyondCores,
];
