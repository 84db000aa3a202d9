import type { ModelRule } from '../../rule.ts';
import { repetitions } from '../tensors/repetitions.ts';

export const inputRepeated: ModelRule = {
  code: 'onnx/input-repeated',
  severity: 'error',
  summary: 'No input of an ONNX model is declared twice.',
  why: 'The backend compares the number of inputs in the graph with the number of declarations, and refuses the model.',
  fix: 'Remove the second declaration.',
  *check(model) {
    if (model.backend !== 'onnxruntime') return;
    for (const { path, label } of repetitions(model, 'input')) yield { path, message: `${label} is declared twice` };
  },
};
