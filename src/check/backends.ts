/** Platforms by the backend that they belong to (core, `ValidateModelConfig`); other backends may carry any platform. */
export const platformsOf: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    tensorflow: ['tensorflow_savedmodel', 'tensorflow_graphdef'],
    tensorrt: ['tensorrt_plan'],
    onnxruntime: ['onnxruntime_onnx'],
    pytorch: ['pytorch_libtorch', 'torch_aoti'],
  }),
);

/**
 * Backends that NVIDIA's images hold between them (the plain one, and those for TensorRT-LLM and vLLM), by the names
 * of the backend repositories of github.com/triton-inference-server.
 */
export const knownBackends: readonly string[] = [
  'dali',
  'fil',
  'identity',
  'onnxruntime',
  'openvino',
  'python',
  'pytorch',
  'repeat',
  'square',
  'tensorflow',
  'tensorrt',
  'tensorrtllm',
  'vllm',
];

/** What people write for a backend, and mean another name. */
export const backendNicknames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    onnx: 'onnxruntime',
    ort: 'onnxruntime',
    onnxruntime_onnx: 'onnxruntime',
    torch: 'pytorch',
    libtorch: 'pytorch',
    pytorch_libtorch: 'pytorch',
    torchscript: 'pytorch',
    trt: 'tensorrt',
    tensorrt_plan: 'tensorrt',
    tensorrt_llm: 'tensorrtllm',
    tf: 'tensorflow',
    py: 'python',
  }),
);

/** The key in `parameters` by which conch's own server knows that it runs a Python model natively. */
export const nativeMark = 'conch.backend';
