import type { ModelRule } from '../../rule.ts';

/** Backends whose first execution does work that later ones do not: allocation, kernel selection, compilation. */
const lazy = ['onnxruntime', 'tensorrt', 'pytorch', 'tensorflow', 'openvino'];

export const none: ModelRule = {
  code: 'warmup/none',
  severity: 'warning',
  summary: 'A model with a lazy backend has a warm-up sample.',
  why: 'The first execution of each shape allocates memory and chooses kernels, which can take many times as long as the next one. Without `model_warmup` the first clients pay for it, after the server has reported ready.',
  fix: 'Add `model_warmup` with a sample of a usual size, e.g. `model_warmup [ { name: "one" batch_size: 1 inputs { key: "..." value { data_type: TYPE_INT64 dims: [ 32 ] zero_data: true } } } ]`.',
  *check(model) {
    if (!lazy.includes(model.backend) || model.isEnsemble) return;
    if ((model.written.model_warmup ?? []).length > 0) return;
    yield { path: 'model_warmup', message: `${model.name} has no model_warmup: its first requests are slow` };
  },
};
