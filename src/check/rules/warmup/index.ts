import type { Rule } from '../../rule.ts';
import { batchSize } from './batch-size.ts';
import { dataMissing } from './data-missing.ts';
import { dims } from './dims.ts';
import { file } from './file.ts';
import { none } from './none.ts';
import { request } from './request.ts';
import { skipped } from './skipped.ts';
import { unknownInput } from './unknown-input.ts';

/** Warm-up samples. */
export const warmupRules: readonly Rule[] = [dims, dataMissing, file, request, unknownInput, batchSize, skipped, none];
