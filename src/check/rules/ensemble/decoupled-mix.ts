import { joinedStreams } from '../../../repository/index.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const decoupledMix: EnsembleRule = {
  code: 'ensemble/decoupled-mix',
  severity: 'error',
  scope: 'ensemble',
  summary: 'A step gets all its inputs from one stream of responses.',
  why: 'A decoupled model answers a request with any number of responses, and each starts its own way through the rest of the ensemble. A step, or the ensemble as a whole, cannot join such a stream with another one, or with tensors of the request itself: Triton refuses the ensemble.',
  fix: 'Route all inputs of the step through the decoupled model, or make that model answer once.',
  *check(model) {
    const steps = stepsOf(model);
    const joined = joinedStreams(model.written, (_, index) => steps[index]?.member?.isDecoupled ?? false);
    if (joined) yield joined;
  },
};
