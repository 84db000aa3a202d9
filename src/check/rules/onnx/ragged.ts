import type { ModelRule } from '../../rule.ts';
import { shownOnnxShape } from '../../shapes.ts';
import { isRagged, matchesOf } from './signature.ts';

export const ragged: ModelRule = {
  code: 'onnx/ragged',
  severity: 'error',
  summary: 'A ragged input is one dynamic dimension in the ONNX model.',
  why: 'The rows of a ragged batch are laid one after the other, without a batch dimension. The backend takes only an input whose shape in the graph is exactly one dynamic dimension.',
  fix: 'Export the input as one dynamic dimension, or remove `allow_ragged_batch`.',
  *check(model) {
    for (const { tensor, info, path, label, where } of matchesOf(model)) {
      if (!isRagged(model, tensor) || info.shape === undefined) continue;
      if (info.shape.length === 1 && typeof info.shape[0] !== 'number') continue;
      yield {
        path: `${path}.allow_ragged_batch`,
        message: `${label} is ragged, in the ONNX model it is ${shownOnnxShape(info.shape, false)}, it must be one dynamic dimension${where}`,
      };
    }
  },
};
