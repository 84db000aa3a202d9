import { dirname, relative } from 'node:path';
import type { ConchError } from '../../../base/index.ts';
import type { ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

export const unreadable: ModelRule = {
  code: 'onnx/unreadable',
  severity: 'error',
  summary: 'The model file is an ONNX model.',
  why: 'ONNX Runtime refuses a file that is cut short, a Git LFS pointer, or of another format, and the load fails. Only the header is read here, so damage among the weights goes unseen.',
  fix: 'Export or download the model again.',
  *check(model) {
    if (model.backend !== 'onnxruntime') return;
    for (const { onnxError } of model.versions) {
      if (onnxError === undefined) continue;
      yield {
        ...(onnxError.where?.file === undefined ? {} : { file: onnxError.where.file }),
        message: withoutRoot(onnxError, model),
        ...(onnxError.fix === undefined ? {} : { fix: onnxError.fix }),
      };
    }
  },
};

/** Where the repository lies on this machine says nothing about the model. */
function withoutRoot({ message, where }: ConchError, model: ModelView): string {
  if (where?.file === undefined) return message;
  return message.replaceAll(where.file, relative(dirname(model.entry.dir), where.file));
}
