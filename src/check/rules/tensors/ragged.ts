import type { ModelRule } from '../../rule.ts';

/** Backends that lay the rows of a batch together by themselves. */
const readers = ['onnxruntime', 'tensorrt', 'pytorch'];

export const ragged: ModelRule = {
  code: 'tensors/ragged',
  severity: 'warning',
  summary: '`allow_ragged_batch` comes with batching and a `batch_input` that tells rows apart.',
  why: 'Ragged inputs are laid one after the other, without padding. The model can only tell where a row ends through a `batch_input` (such as BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO) made for it, and nothing is merged at all with `max_batch_size` 0. Backends that get their requests one by one, such as Python, need none.',
  fix: 'Add a `batch_input` with the ragged input as `source_input`, or remove `allow_ragged_batch`.',
  *check(model) {
    const sources = new Set((model.written.batch_input ?? []).flatMap((one) => one.source_input ?? []));
    for (const [index, input] of (model.written.input ?? []).entries()) {
      if (!input.allow_ragged_batch) continue;
      const path = `input[${index}].allow_ragged_batch`;
      if (!model.batches) {
        yield { path, message: `input '${input.name ?? ''}' is ragged, but max_batch_size is 0: nothing is merged` };
      } else if (sources.size === 0 && readers.includes(model.backend)) {
        yield { path, message: `input '${input.name ?? ''}' is ragged, but no batch_input tells where its rows end` };
      }
    }
  },
};
