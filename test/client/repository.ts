import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const fixture = (name: string) => resolve(import.meta.dirname, '../fixtures/onnx', `${name}.onnx`);
const python = `import numpy as np
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            count = int(pb_utils.get_input_tensor_by_name(request, "N").as_numpy()[0])
            for index in range(count):
                tensor = pb_utils.Tensor("PART", np.array([index], dtype=np.int32))
                sender.send(pb_utils.InferenceResponse(output_tensors=[tensor]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
`;

/** Models for which clients are generated; what the first two leave out is completed from their files. */
const models: Readonly<Record<string, { config: string; onnx?: string; python?: string }>> = {
  mlp: { config: 'backend: "onnxruntime" max_batch_size: 8', onnx: 'mlp' },
  'every-type.v2': { config: 'backend: "onnxruntime" max_batch_size: 4', onnx: 'identities' },
  count: {
    config: `backend: "python" model_transaction_policy { decoupled: true }
      input { name: "N" data_type: TYPE_INT32 dims: [ 1 ] }
      input { name: "SEED" data_type: TYPE_INT32 dims: [ 1 ] optional: true }
      output { name: "PART" data_type: TYPE_INT32 dims: [ 1 ] }`,
    python,
  },
  class: {
    config: `backend: "python" max_batch_size: 2 sequence_batching { }
      input { name: "image data" data_type: TYPE_FP32 dims: [ -1, -1, 3 ] }
      output { name: "it's" data_type: TYPE_FP32 dims: [ 20 ] }`,
    python,
  },
};

export function writeRepository(names = Object.keys(models)): string {
  const root = mkdtempSync(join(tmpdir(), 'conch-generate-'));
  for (const name of names) {
    const { config, onnx, python: code } = models[name]!;
    const put = (path: string, text: string) => {
      mkdirSync(dirname(join(root, name, path)), { recursive: true });
      writeFileSync(join(root, name, path), text);
    };
    put('config.pbtxt', config);
    put('1/.keep', '');
    if (onnx) cpSync(fixture(onnx), join(root, name, '1/model.onnx'));
    if (code) put('1/model.py', code);
  }
  return root;
}
