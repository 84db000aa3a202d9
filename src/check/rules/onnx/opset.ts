import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const opset: ModelRule = {
  code: 'onnx/opset',
  severity: 'error',
  summary: 'The opset of the model is one that the target runs.',
  why: 'Each release of ONNX Runtime knows the ai.onnx opsets up to one number and refuses models that ask for a newer one. The release is that of the target Triton image.',
  fix: 'Export with a lower opset (`opset_version` in PyTorch), or serve with a newer release.',
  *check(model) {
    const { target } = model.repository;
    for (const { version, summary } of model.onnx) {
      for (const { domain, version: given } of summary.opsets) {
        if ((domain !== '' && domain !== 'ai.onnx') || given <= target.opset) continue;
        yield {
          file: join(version.dir, model.config.default_model_filename || 'model.onnx'),
          message: `the model needs opset ${given}, ONNX Runtime ${target.onnxruntime} of ${target.name} supports up to ${target.opset}`,
          fix: `export with opset ${target.opset} or lower`,
        };
      }
    }
  },
};
