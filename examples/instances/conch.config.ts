import { defineDeployment } from 'conch-triton';

// What several instances of one model cost in memory: docs/bench-and-tune.md, "Memory and instances". INSTANCES sets their
// number; for the full-size model CHECKPOINT is ProsusAI/finbert or a folder that holds it.
const count = Number(process.env.INSTANCES ?? 4);
const checkpoint = process.env.CHECKPOINT ?? '../finbert/checkpoint';

export default defineDeployment({
  repository: 'models',
  target: 'triton:26.07',
  models: {
    // finbert-trt-model: a TensorRT plan on Triton, where instances share the engine's weights and each has a context.
    'finbert-trt': {
      checkpoint,
      precision: 'fp16',
      tensorrt: {},
      model: { instance_group: [{ count, kind: 'KIND_GPU' }] },
    },
    // finbert-model: the same as ONNX on the embedded server, whose instances map one copy of the packed weights.
    finbert: {
      checkpoint,
      model: { instance_group: [{ count, kind: 'KIND_CPU' }] },
    },
  },
});
