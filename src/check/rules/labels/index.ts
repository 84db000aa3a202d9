import type { Rule } from '../../rule.ts';
import { count } from './count.ts';
import { file } from './file.ts';
import { repeated } from './repeated.ts';

/** Label files. */
export const labelRules: readonly Rule[] = [file, count, repeated];
