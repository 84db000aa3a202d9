import type { ModelRule } from '../../rule.ts';
import { preferredSizes } from './preferred.ts';

export const preferredAboveMax: ModelRule = {
  code: 'batching/preferred-above-max',
  severity: 'error',
  summary: 'No `preferred_batch_size` is above `max_batch_size`.',
  why: 'The batcher can never form a batch above `max_batch_size`. Triton compares with the number in the file, before any backend fills it in: with `max_batch_size` 0 or absent every preferred size is refused, even where ONNX Runtime would set a batch size of its own.',
  fix: 'Raise `max_batch_size`, or remove the preferred sizes above it.',
  *check(model) {
    const { max_batch_size } = model.written;
    const most = max_batch_size ?? 0;
    for (const { path, size } of preferredSizes(model)) {
      if (size <= most || size <= 0) continue;
      const limit =
        max_batch_size === undefined ? 'max_batch_size, which is absent and so 0' : `max_batch_size ${most}`;
      yield {
        path,
        message: `preferred_batch_size ${size} is above ${limit}`,
        fix: `set max_batch_size to ${size} or more, or remove ${size} from preferred_batch_size`,
      };
    }
  },
};
