import type { ModelRule } from '../../rule.ts';
import { repetitions } from './repetitions.ts';

export const repeatedInput: ModelRule = {
  code: 'tensors/repeated-input',
  severity: 'error',
  stage: 'request',
  summary: 'No input is declared twice.',
  why: 'Triton loads the model and counts both declarations as required. A request can give each name once, so every request is refused for having too few inputs. A model with warm-up samples, and every ONNX model, is refused at once.',
  fix: 'Remove the second declaration.',
  *check(model) {
    if (model.backend === 'onnxruntime') return;
    for (const { path, label, tensor } of repetitions(model, 'input')) {
      const message = `${label} is declared twice: no request has enough inputs`;
      yield tensor.optional ? { path, message: `${label} is declared twice`, severity: 'warning' } : { path, message };
    }
  },
};
