import { tensorsOf } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';

export const formatRank: ModelRule = {
  code: 'tensors/format-rank',
  severity: 'error',
  summary: 'An image format goes with exactly 3 dims.',
  why: 'FORMAT_NHWC and FORMAT_NCHW describe height, width and channels without the batch dimension. Triton refuses any other rank, and the format changes nothing else.',
  fix: 'Give 3 dims, or remove `format`.',
  *check(model) {
    for (const { tensor, path, label } of tensorsOf(model.written)) {
      const { format } = tensor;
      const rank = (tensor.dims ?? []).length;
      if (!(format === 'FORMAT_NHWC' || format === 'FORMAT_NCHW' || format === 1 || format === 2) || rank === 3)
        continue;
      yield { path: `${path}.format`, message: `${label} has format ${format} and ${rank} dims, it must be 3` };
    }
  },
};
