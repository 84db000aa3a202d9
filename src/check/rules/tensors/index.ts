import type { Rule } from '../../rule.ts';
import { batchInput } from './batch-input.ts';
import { batchOutput } from './batch-output.ts';
import { dimIllegal } from './dim-illegal.ts';
import { dimsMissing } from './dims-missing.ts';
import { formatRank } from './format-rank.ts';
import { nameMissing } from './name-missing.ts';
import { none } from './none.ts';
import { pytorchOrder } from './pytorch-order.ts';
import { ragged } from './ragged.ts';
import { repeatedInput } from './repeated-input.ts';
import { repeatedOutput } from './repeated-output.ts';
import { reshapeSize } from './reshape-size.ts';
import { tensorrtOnly } from './tensorrt-only.ts';
import { typeMissing } from './type-missing.ts';
import { typeUnnamed } from './type-unnamed.ts';

/** Inputs, outputs, and what is computed for a batch. */
export const tensorRules: readonly Rule[] = [
  nameMissing,
  typeMissing,
  typeUnnamed,
  dimsMissing,
  dimIllegal,
  reshapeSize,
  formatRank,
  tensorrtOnly,
  repeatedInput,
  repeatedOutput,
  none,
  pytorchOrder,
  batchInput,
  batchOutput,
  ragged,
];
