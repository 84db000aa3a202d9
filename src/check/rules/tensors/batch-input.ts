import type { BatchInput } from '../../../config/index.ts';
import { shownType } from '../../fields.ts';
import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const batchInput: ModelRule = {
  code: 'tensors/batch-input',
  severity: 'error',
  summary: 'A `batch_input` derives from one declared input and is INT32 or FP32.',
  why: 'Triton computes these tensors for each batch from the shapes of one input. It refuses a number of sources other than one, a source that is not declared, a type other than INT32 and FP32, and a kind that has no name.',
  fix: 'Set `source_input` to one declared input and `data_type` to TYPE_INT32 or TYPE_FP32.',
  *check(model) {
    const names = (model.config.input ?? []).map((one) => one.name ?? '');
    for (const [index, entry] of (model.written.batch_input ?? []).entries()) {
      for (const [field, what] of faults(entry, names, model.leavesOpen('input'))) {
        yield { path: `batch_input[${index}].${field}`, message: `batch_input[${index}] ${what}` };
      }
    }
  },
};

function* faults(entry: BatchInput, names: readonly string[], open: boolean): Generator<[string, string]> {
  const sources = entry.source_input ?? [];
  if (typeof entry.kind === 'number' && entry.kind > 5) yield ['kind', `has kind ${entry.kind}, which has no name`];
  if (!['TYPE_INT32', 'TYPE_FP32', 8, 11].includes(entry.data_type ?? 0)) {
    yield ['data_type', `has ${shownType(entry.data_type)}, it must be INT32 or FP32`];
  }
  if (sources.length !== 1) yield ['source_input', `has ${sources.length} source inputs, it must have 1`];
  for (const [at, source] of sources.entries()) {
    if (names.includes(source) || open) continue;
    yield [`source_input[${at}]`, `derives from '${source}', which is no declared input${didYouMean(source, names)}`];
  }
}
