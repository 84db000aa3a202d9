import type { EnsembleRule } from '../../rule.ts';

export const cacheDecoupledMember: EnsembleRule = {
  code: 'general/cache-decoupled-member',
  severity: 'error',
  scope: 'ensemble',
  summary: 'The response cache is not enabled on an ensemble with a decoupled member.',
  why: 'An ensemble is decoupled as soon as one of its members is, whatever its own flag says, and Triton refuses the response cache on decoupled models.',
  fix: 'Remove `response_cache` from the ensemble.',
  *check(model) {
    if (!model.written.response_cache?.enable) return;
    const member = model.decoupledMember;
    if (member === undefined) return;
    const message = `response_cache is enabled, but ${model.name} is decoupled through its member ${member}`;
    yield { path: 'response_cache.enable', message };
  },
};
