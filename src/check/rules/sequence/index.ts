import type { Rule } from '../../rule.ts';
import { controlKind } from './control-kind.ts';
import { controlName } from './control-name.ts';
import { controlValues } from './control-values.ts';
import { corridType } from './corrid-type.ts';
import { growableMemory } from './growable-memory.ts';
import { initialState } from './initial-state.ts';
import { slotDelay } from './slot-delay.ts';
import { slotUtilization } from './slot-utilization.ts';
import { stateFile } from './state-file.ts';
import { stateIncomplete } from './state-incomplete.ts';
import { stateRepeated } from './state-repeated.ts';

/** The sequence batcher: control inputs and implicit states. */
export const sequenceRules: readonly Rule[] = [
  controlName,
  controlKind,
  controlValues,
  corridType,
  slotUtilization,
  slotDelay,
  stateIncomplete,
  stateRepeated,
  initialState,
  stateFile,
  growableMemory,
];
