import { configFix } from '../../edits.ts';
import type { ModelRule } from '../../rule.ts';

export const skipped: ModelRule = {
  code: 'warmup/skipped',
  severity: 'warning',
  summary: 'Every warm-up sample has a `batch_size`.',
  why: 'The default, 0, makes Triton skip the sample without a word. Models without batching need `batch_size: 1` too.',
  fix: 'Set `batch_size: 1` or more.',
  *check(model) {
    if (model.isEnsemble) return;
    for (const [index, sample] of (model.written.model_warmup ?? []).entries()) {
      if (sample.batch_size) continue;
      const path = `model_warmup[${index}].batch_size`;
      const label = sample.name ? `warm-up sample '${sample.name}'` : `model_warmup[${index}]`;
      const how = sample.batch_size === undefined ? 'has no batch_size' : 'has batch_size 0';
      yield {
        path,
        message: `${label} ${how} and is skipped`,
        fix: configFix(model, 'set batch_size: 1', { path, value: 1 }),
      };
    }
  },
};
