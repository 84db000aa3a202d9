import type { ModelRule } from '../../rule.ts';

export const graphSpec: ModelRule = {
  code: 'plan/graph-spec',
  severity: 'error',
  summary: 'The batch sizes of CUDA graphs fit `max_batch_size`.',
  why: 'A graph is captured for one batch size: 1 to `max_batch_size`, or 0 for a model without batching. The TensorRT backend fails to capture any other, and a lower bound above the size itself serves nothing.',
  fix: 'Set `batch_size` of the `graph_spec` to a size from 1 to `max_batch_size`, or to 0 without batching.',
  *check(model) {
    if (model.backend !== 'tensorrt') return;
    for (const [index, spec] of (model.written.optimization?.cuda?.graph_spec ?? []).entries()) {
      const path = `optimization.cuda.graph_spec[${index}]`;
      const size = spec.batch_size ?? 0;
      const lower = spec.graph_lower_bound?.batch_size;
      const [least, most] = model.batches ? [1, model.maxBatchSize] : [0, 0];
      const range = model.batches ? `1 to ${most} (max_batch_size)` : '0, as max_batch_size is';
      if (size < least || size > most) {
        yield {
          path: `${path}.batch_size`,
          message: `graph_spec[${index}] has batch_size ${size}, it must be ${range}`,
        };
      } else if (lower !== undefined && (lower < least || lower > size)) {
        const message = `graph_spec[${index}] has a lower bound of batch_size ${lower}, it must be ${least} to ${size}`;
        yield { path: `${path}.graph_lower_bound.batch_size`, message };
      }
    }
  },
};
