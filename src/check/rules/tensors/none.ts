import type { ModelRule } from '../../rule.ts';

export const none: ModelRule = {
  code: 'tensors/none',
  severity: 'warning',
  summary: 'A model has inputs and outputs.',
  why: 'PyTorch models need every input and output in the config: nothing is read from the model. A Python model without them, and without `auto_complete_config` in its `model.py`, loads with none, and then no request fits. ONNX Runtime, TensorRT and OpenVINO read them from the model.',
  fix: 'Declare the inputs and outputs.',
  *check(model) {
    const { backend } = model;
    if (backend !== 'pytorch' && backend !== 'python') return;
    for (const kind of ['input', 'output'] as const) {
      if ((model.config[kind] ?? []).length > 0 || model.leavesOpen(kind)) continue;
      const because = backend === 'python' ? ', and model.py has no auto_complete_config' : '';
      yield {
        path: kind,
        message: `${model.name} declares no ${kind}${because}`,
        ...(backend === 'pytorch' ? { severity: 'error' } : {}),
      };
    }
  },
};
