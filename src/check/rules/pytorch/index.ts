import type { Rule } from '../../rule.ts';
import { unreadable } from './unreadable.ts';

/** Models of the PyTorch backend, by what their archive tells. */
export const pytorchRules: readonly Rule[] = [unreadable];
