import type { Rule } from '../../rule.ts';
import { batchProfile } from './batch-profile.ts';
import { computeCapability } from './compute-capability.ts';
import { graphSpec } from './graph-spec.ts';
import { preferredOutside } from './preferred-outside.ts';
import { profileIndex } from './profile-index.ts';
import { tensorrtVersion } from './tensorrt-version.ts';

/** TensorRT plans, by what their manifests record. */
export const planRules: readonly Rule[] = [
  tensorrtVersion,
  computeCapability,
  batchProfile,
  preferredOutside,
  profileIndex,
  graphSpec,
];
