import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';

const key = 'TRITON_BATCH_STRATEGY_PATH';

export const strategyLibrary: ModelRule = {
  code: 'batching/strategy-library',
  severity: 'error',
  summary: `The library that \`${key}\` names exists, and the model is not a sequence model.`,
  why: 'The parameter loads a custom batching strategy. Triton refuses the model when the library is missing, and refuses the parameter together with the sequence batcher. The path is taken as it stands.',
  fix: 'Give the absolute path of the library on the server, or remove the parameter.',
  *check(model) {
    const value = model.written.parameters?.[key]?.string_value;
    if (value === undefined) return;
    const path = `parameters["${key}"].value.string_value`;
    if (model.written.sequence_batching !== undefined) {
      yield { path, message: `${key} is set, but the model uses the sequence batcher` };
    } else if (model.written.dynamic_batching !== undefined && !value.startsWith('/')) {
      const beside = model.entry.files.includes(value) ? `; the file is at ${join(model.entry.dir, value)}` : '';
      yield {
        path,
        message: `${key} '${value}' is relative to where the server is started, not to the model${beside}`,
      };
    }
  },
};
