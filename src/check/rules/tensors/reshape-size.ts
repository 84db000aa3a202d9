import { dimsOf } from '../../../config/index.ts';
import { hasSoundDims, tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { elementsOf, fixedRuns, shownShape } from '../../shapes.ts';

export const reshapeSize: ModelRule = {
  code: 'tensors/reshape-size',
  severity: 'error',
  summary: '`reshape` holds the same elements as `dims`.',
  why: 'A reshape only regroups dimensions. Both sides need the same number of elements; with -1 both need the same number of variable dimensions, and the fixed sizes between them must multiply to the same: `[2, 4, -1, 6]` and `[8, -1, 1, 6]` fit, `[-1]` and `[4]` do not. An empty shape stands for one element, and only for a model that batches.',
  fix: 'Make the products equal, or remove `reshape`.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      if (tensor.reshape === undefined || !hasSoundDims(tensor)) continue;
      const dims = dimsOf(tensor);
      const shape = dimsOf({ dims: tensor.reshape.shape ?? [] });
      if (shape.some((one) => one === 0 || one < -1)) continue;
      const at = `${path}.reshape.shape`;
      if (shape.length === 0 && (model.written.max_batch_size ?? 0) <= 0) {
        yield { path: at, message: `${label} has an empty reshape, which needs a max_batch_size above 0` };
        continue;
      }
      const [left, right] = [fixedRuns(dims), fixedRuns(shape)];
      if (left.length === right.length && left.every((one, index) => one === right[index])) continue;
      const pair = `dims ${shownShape(dims, model.batches)} and reshape ${shownShape(shape, model.batches)}`;
      const why =
        left.length !== right.length
          ? `${left.length - 1} and ${right.length - 1} variable dimensions`
          : `${elementsOf(dims) ?? left.join(' | ')} and ${elementsOf(shape) ?? right.join(' | ')} elements`;
      yield { path: at, message: `${label} has ${pair}: ${why}` };
    }
  },
};
