import type { Rule } from '../../rule.ts';
import { defaultPriority } from './default-priority.ts';
import { delayLong } from './delay-long.ts';
import { maxNeverForms } from './max-never-forms.ts';
import { noEffect } from './no-effect.ts';
import { orderingDelay } from './ordering-delay.ts';
import { orderingPriorities } from './ordering-priorities.ts';
import { preferredAboveMax } from './preferred-above-max.ts';
import { preferredNeverForms } from './preferred-never-forms.ts';
import { preferredNotPositive } from './preferred-not-positive.ts';
import { prioritiesOff } from './priorities-off.ts';
import { priorityPolicyKey } from './priority-policy-key.ts';
import { strategyLibrary } from './strategy-library.ts';
import { timeoutBelowDelay } from './timeout-below-delay.ts';
import { timeoutOverride } from './timeout-override.ts';
import { variableShapes } from './variable-shapes.ts';

/** The dynamic batcher and its queue. */
export const batchingRules: readonly Rule[] = [
  preferredNotPositive,
  preferredAboveMax,
  defaultPriority,
  priorityPolicyKey,
  prioritiesOff,
  orderingPriorities,
  orderingDelay,
  timeoutBelowDelay,
  timeoutOverride,
  preferredNeverForms,
  maxNeverForms,
  noEffect,
  delayLong,
  variableShapes,
  strategyLibrary,
];
