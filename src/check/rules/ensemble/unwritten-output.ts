import { traceFlow } from '../../flow.ts';
import { didYouMean } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

export const unwrittenOutput: ModelRule = {
  code: 'ensemble/unwritten-output',
  severity: 'error',
  summary: 'Every output of an ensemble is written by a step that can run.',
  why: 'Starting from its inputs, Triton follows the steps whose inputs are all there. An output that is never reached, because no step writes it or because its step waits for a tensor that never comes (steps in a circle included), makes it refuse the ensemble.',
  fix: 'Map the output of a step to that name, and feed the steps on the way to it.',
  *check(model) {
    const flow = traceFlow(model);
    if (flow === undefined) return;
    const { tensors, stuck, hasGap } = flow;
    const produced = [...tensors.values()].filter((one) => one.producers.length > 0).map((one) => one.name);
    for (const [index, { name = '' }] of (model.written.output ?? []).entries()) {
      const tensor = tensors.get(name);
      if (name === '' || tensor?.ready) continue;
      const path = `output[${index}]`;
      const writer = tensor?.producers[0];
      if (writer === undefined) {
        yield { path, message: `output '${name}' is written by no step${didYouMean(name, produced)}` };
      } else if (!hasGap) {
        const waits = `step ${writer.step}, which waits for '${stuck.get(writer.step)}'`;
        yield { path, message: `output '${name}' is never written: it comes from ${waits}, and that never arrives` };
      }
    }
  },
};
