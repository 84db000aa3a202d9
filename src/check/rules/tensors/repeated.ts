import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const repeated: ModelRule = {
  code: 'tensors/repeated',
  severity: 'warning',
  summary: 'No input or output is declared twice.',
  why: "Triton's core looks tensors up by name and finds the first; the second declaration is never used. ONNX Runtime counts the inputs and refuses the model.",
  fix: 'Remove the second declaration.',
  *check(model) {
    const seen = new Set<string>();
    for (const { tensor, path, kind, label } of tensorsOf(model.written)) {
      const key = `${kind} ${tensor.name}`;
      if (tensor.name && seen.has(key)) {
        const refused = kind === 'input' && model.backend === 'onnxruntime';
        yield { path, message: `${label} is declared twice`, ...(refused ? { severity: 'error' } : {}) };
      }
      seen.add(key);
    }
  },
};
