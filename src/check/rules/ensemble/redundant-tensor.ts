import { traceFlow } from '../../flow.ts';
import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const redundantTensor: ModelRule = {
  code: 'ensemble/redundant-tensor',
  severity: 'error',
  summary: 'Every tensor between steps is written by one step and read by another.',
  why: 'Triton refuses an ensemble with a tensor that nobody writes, or that is written and nobody reads. A step output that is not needed is simply left out of `output_map`.',
  fix: 'Correct the name, or remove the mapping.',
  *check(model) {
    const outputs = new Set((model.written.output ?? []).map((one) => one.name ?? ''));
    const inputs = new Set((model.written.input ?? []).map((one) => one.name ?? ''));
    const flow = traceFlow(model);
    if (flow === undefined) return;
    const { tensors, stuck, hasGap } = flow;
    const all = [...tensors.values()];
    const sources = [...inputs, ...all.filter((one) => one.producers.length > 0).map((one) => one.name)];
    const sinks = [...outputs, ...all.filter((one) => one.producers.length === 0).map((one) => one.name)];
    for (const { name, path, producers, consumers, ready } of tensors.values()) {
      if (outputs.has(name) || (ready && consumers.length > 0)) continue;
      if (producers.length === 0) {
        yield {
          path,
          message: `tensor '${name}' is read by step ${consumers[0]}, but no step writes it and it is no input${didYouMean(name, sources)}`,
        };
      } else if (consumers.length === 0) {
        if (inputs.has(name)) continue;
        yield {
          path: producers[0]!.path,
          message: `tensor '${name}' is written by step ${producers[0]!.step}, but no step reads it and it is no output${didYouMean(name, sinks)}`,
        };
      } else if (!hasGap) {
        const waits = producers.map(({ step }) => `step ${step} waits for '${stuck.get(step)}'`).join(' and ');
        yield { path, message: `tensor '${name}' is never written: ${waits}, and that never arrives` };
      }
    }
  },
};
