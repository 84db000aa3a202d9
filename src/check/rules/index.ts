import type { Rule } from '../rule.ts';
import { batchingRules } from './batching/index.ts';
import { ensembleRules } from './ensemble/index.ts';
import { generalRules } from './general/index.ts';
import { instanceRules } from './instances/index.ts';
import { labelRules } from './labels/index.ts';
import { onnxRules } from './onnx/index.ts';
import { planRules } from './plan/index.ts';
import { pythonRules } from './python/index.ts';
import { pytorchRules } from './pytorch/index.ts';
import { repositoryRules } from './repository/index.ts';
import { sequenceRules } from './sequence/index.ts';
import { tensorRules } from './tensors/index.ts';
import { warmupRules } from './warmup/index.ts';

/** All rules, in the order in which they are documented. */
export const rules: readonly Rule[] = [
  ...repositoryRules,
  ...generalRules,
  ...tensorRules,
  ...batchingRules,
  ...sequenceRules,
  ...instanceRules,
  ...warmupRules,
  ...labelRules,
  ...onnxRules,
  ...planRules,
  ...pytorchRules,
  ...pythonRules,
  ...ensembleRules,
];
