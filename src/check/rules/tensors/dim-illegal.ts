import { dimsOf } from '../../../config/index.ts';
import { isSoundDimension, tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const dimIllegal: ModelRule = {
  code: 'tensors/dim-illegal',
  severity: 'error',
  summary: 'Every dimension is 1 or more, or -1.',
  why: '-1 stands for any size. Triton refuses 0 and other negative numbers, in `dims` and in `reshape.shape`.',
  fix: 'Write the size, or -1 where it varies.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      const shapes = [
        ['dims', dimsOf(tensor)],
        ['reshape.shape', dimsOf({ dims: tensor.reshape?.shape ?? [] })],
      ] as const;
      for (const [field, dims] of shapes) {
        for (const [index, dimension] of dims.entries()) {
          if (isSoundDimension(dimension)) continue;
          const message = `${label} has dimension ${dimension} in ${field} [${dims.join(', ')}], it must be 1 or more, or -1`;
          yield { path: `${path}.${field}[${index}]`, message };
        }
      }
    }
  },
};
