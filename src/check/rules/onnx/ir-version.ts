import { join } from 'node:path';
import type { ModelRule } from '../../rule.ts';

export const irVersion: ModelRule = {
  code: 'onnx/ir-version',
  severity: 'error',
  summary: 'The IR version of the model is one that the target loads.',
  why: 'The IR version is that of the file format. The onnx package stamps its newest one, however plain the model, and an older ONNX Runtime refuses it ("Unsupported model IR version").',
  fix: 'Save the model with a lower IR version: `model.ir_version = 10; onnx.save(model, path)`.',
  *check(model) {
    const { target } = model.repository;
    for (const { version, summary } of model.onnx) {
      if (summary.irVersion <= target.irVersion) continue;
      yield {
        file: join(version.dir, model.config.default_model_filename || 'model.onnx'),
        message: `the model has IR version ${summary.irVersion}, ONNX Runtime ${target.onnxruntime} of ${target.name} loads up to ${target.irVersion}`,
        fix: `save it with model.ir_version = ${target.irVersion}`,
      };
    }
  },
};
