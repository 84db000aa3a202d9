import type { ModelRule } from '../../rule.ts';

export const backendDeprecated: ModelRule = {
  code: 'general/backend-deprecated',
  severity: 'warning',
  summary: 'The backend is still maintained.',
  why: "Triton's TensorFlow backend is deprecated: it gets no new releases, and current images do not contain it, so that a model that needs it is refused there.",
  fix: 'Convert the model to ONNX (tf2onnx) and use backend `onnxruntime`, or stay on an image that still has TensorFlow.',
  *check(model) {
    if (model.backend !== 'tensorflow') return;
    const { target } = model.repository;
    yield {
      path: 'backend',
      message: `backend 'tensorflow' is deprecated; check that the image of ${target.name} still holds it`,
    };
  },
};
