import type { Rule } from '../../rule.ts';
import { batchSize } from './batch-size.ts';
import { batchSizeSmaller } from './batch-size-smaller.ts';
import { circle } from './circle.ts';
import { datatype } from './datatype.ts';
import { decoupledMix } from './decoupled-mix.ts';
import { doubleProducer } from './double-producer.ts';
import { forbiddenField } from './forbidden-field.ts';
import { inputOverwritten } from './input-overwritten.ts';
import { memberMissing } from './member-missing.ts';
import { memberRefused } from './member-refused.ts';
import { nameEscapes } from './name-escapes.ts';
import { platform } from './platform.ts';
import { redundantTensor } from './redundant-tensor.ts';
import { repeatedOutput } from './repeated-output.ts';
import { shape } from './shape.ts';
import { shapeAtRun } from './shape-at-run.ts';
import { stepIncomplete } from './step-incomplete.ts';
import { unbatchedMember } from './unbatched-member.ts';
import { unknownTensor } from './unknown-tensor.ts';
import { unmappedInput } from './unmapped-input.ts';
import { unusedInput } from './unused-input.ts';
import { unwrittenOutput } from './unwritten-output.ts';
import { version } from './version.ts';

/** Ensembles: what they say by themselves, then what they say about their members. */
export const ensembleRules: readonly Rule[] = [
  platform,
  forbiddenField,
  stepIncomplete,
  nameEscapes,
  doubleProducer,
  inputOverwritten,
  unusedInput,
  unwrittenOutput,
  redundantTensor,
  circle,
  memberMissing,
  memberRefused,
  version,
  batchSize,
  batchSizeSmaller,
  unknownTensor,
  unmappedInput,
  repeatedOutput,
  datatype,
  shape,
  shapeAtRun,
  unbatchedMember,
  decoupledMix,
];
