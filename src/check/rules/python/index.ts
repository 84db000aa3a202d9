import type { Rule } from '../../rule.ts';
import { environment } from './environment.ts';
import { hotPath } from './hot-path.ts';

/** Models of the Python backend. */
export const pythonRules: readonly Rule[] = [environment, hotPath];
