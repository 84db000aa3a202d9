import type { ModelRule } from '../../rule.ts';

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
        message: onnxError.message,
        ...(onnxError.fix === undefined ? {} : { fix: onnxError.fix }),
      };
    }
  },
};
