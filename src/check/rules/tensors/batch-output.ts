import type { BatchOutput } from '../../../config/index.ts';
import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

export const batchOutput: ModelRule = {
  code: 'tensors/batch-output',
  severity: 'error',
  summary: 'A `batch_output` splits declared outputs, each once, by the shapes of one declared input.',
  why: 'Triton refuses a number of sources other than one, names that are not declared, and a target given twice. A `batch_output` without any target has been seen to crash the server.',
  fix: 'Name declared outputs in `target_name` and one declared input in `source_input`.',
  *check(model) {
    const seen = new Set<string>();
    for (const [index, entry] of (model.written.batch_output ?? []).entries()) {
      for (const [field, what] of faults(entry, model, seen)) {
        yield { path: `batch_output[${index}].${field}`, message: `batch_output[${index}] ${what}` };
      }
    }
  },
};

function* faults(entry: BatchOutput, model: ModelView, seen: Set<string>): Generator<[string, string]> {
  const inputs = (model.config.input ?? []).map((one) => one.name ?? '');
  const outputs = (model.config.output ?? []).map((one) => one.name ?? '');
  const sources = entry.source_input ?? [];
  const targets = entry.target_name ?? [];
  if (targets.length === 0) yield ['target_name', 'has no target_name; the server crashes on it'];
  for (const [at, target] of targets.entries()) {
    if (seen.has(target)) yield [`target_name[${at}]`, `targets output '${target}', which is targeted already`];
    else if (!outputs.includes(target) && !model.leavesOpen('output')) {
      yield [`target_name[${at}]`, `targets '${target}', which is no declared output${didYouMean(target, outputs)}`];
    }
    seen.add(target);
  }
  if (sources.length !== 1) yield ['source_input', `has ${sources.length} source inputs, it must have 1`];
  for (const [at, source] of sources.entries()) {
    if (inputs.includes(source) || model.leavesOpen('input')) continue;
    yield [`source_input[${at}]`, `goes by '${source}', which is no declared input${didYouMean(source, inputs)}`];
  }
}
