import { dimsOf } from '../../../config/index.ts';
import { quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const variableShapes: ModelRule = {
  code: 'batching/variable-shapes',
  severity: 'info',
  summary: 'Inputs of a batched model have fixed shapes, or are marked ragged.',
  why: 'Triton merges only requests whose inputs have equal shapes. Where a dimension is -1 and the input is not marked `allow_ragged_batch`, texts of different lengths run one by one however many wait.',
  fix: 'Let clients pad to a few common lengths, send several texts in one request (the tokenizer pads them together), or export a model that takes ragged batches (`conch compile --layout packed`).',
  *check(model) {
    if (model.config.dynamic_batching === undefined || model.maxBatchSize <= 1) return;
    const open = (model.config.input ?? []).filter((one) => dimsOf(one).includes(-1) && !one.allow_ragged_batch);
    if (open.length === 0) return;
    const names = open.map((one) => one.name ?? '');
    yield {
      path: 'dynamic_batching',
      message: `requests are merged only when ${quoted(names)} ${names.length > 1 ? 'have' : 'has'} the same shape in all of them`,
    };
  },
};
