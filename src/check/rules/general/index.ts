import type { Rule } from '../../rule.ts';
import { agentUnknown } from './agent-unknown.ts';
import { backendDeprecated } from './backend-deprecated.ts';
import { backendMissing } from './backend-missing.ts';
import { backendPlatform } from './backend-platform.ts';
import { backendUnknown } from './backend-unknown.ts';
import { batchSizeNegative } from './batch-size-negative.ts';
import { cacheClash } from './cache-clash.ts';
import { cacheDecoupledMember } from './cache-decoupled-member.ts';
import { ignoredField } from './ignored-field.ts';
import { metricControl } from './metric-control.ts';
import { metricTag } from './metric-tag.ts';
import { metricUnknown } from './metric-unknown.ts';
import { newerField } from './newer-field.ts';
import { runtimeMissing } from './runtime-missing.ts';

/** Backend, platform, batch size, cache, metrics. */
export const generalRules: readonly Rule[] = [
  backendMissing,
  backendPlatform,
  backendUnknown,
  backendDeprecated,
  runtimeMissing,
  batchSizeNegative,
  cacheClash,
  cacheDecoupledMember,
  agentUnknown,
  metricControl,
  metricUnknown,
  metricTag,
  newerField,
  ignoredField,
];
