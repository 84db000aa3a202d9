import type { Finding, ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

export const cacheClash: ModelRule = {
  code: 'general/cache-clash',
  severity: 'error',
  summary: 'The response cache is not enabled on sequence or decoupled models.',
  why: 'The cache answers a request with the stored response of an equal one. Answers of a sequence depend on what came before, and a decoupled model gives any number of responses, so Triton refuses the combination.',
  fix: 'Remove `response_cache`, or the sequence batching or decoupled flag.',
  *check(model) {
    if (!model.written.response_cache?.enable) return;
    if (model.written.sequence_batching !== undefined) {
      yield clash('is a sequence model (sequence_batching)', model);
    }
    if (!model.isEnsemble && model.written.model_transaction_policy?.decoupled) yield clash('is decoupled', model);
  },
};

function clash(what: string, model: ModelView): Finding {
  return { path: 'response_cache.enable', message: `response_cache is enabled, but ${model.name} ${what}` };
}
