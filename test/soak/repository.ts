import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const fixtures = resolve(import.meta.dirname, '../fixtures/onnx');

const io = (side: string, name: string, type: string, dims: string) =>
  `${side} [ { name: "${name}" data_type: ${type} dims: [ ${dims} ] } ]\n`;

const addConfig = `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "a" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "b" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 4 ] } ]
dynamic_batching { max_queue_delay_microseconds: 200 }
`;

/** Adds up what a sequence is given: what `add` adds is the sum so far. */
const totalConfig = (strategy: string) => `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "a" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 4 ] } ]
instance_group [ { kind: KIND_CPU count: 2 } ]
sequence_batching {
  max_sequence_idle_microseconds: 30000000
  ${strategy}
  state {
    input_name: "b" output_name: "sum" data_type: TYPE_FP32 dims: [ 4 ]
    initial_state { name: "zero" data_type: TYPE_FP32 dims: [ 4 ] zero_data: true }
  }
}
`;

const rowSumConfig = `backend: "onnxruntime"
max_batch_size: 8
${io('input', 'ids', 'TYPE_INT64', '-1')}${io('output', 'total', 'TYPE_INT64', '1')}
instance_group [ { kind: KIND_CPU count: 2 } ]
dynamic_batching { }
`;

const flowConfig = `platform: "ensemble"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 4 ] } ]
ensemble_scheduling {
  step {
    model_name: "add" model_version: -1
    input_map { key: "a" value: "x" } input_map { key: "b" value: "x" }
    output_map { key: "sum" value: "twice" }
  }
  step {
    model_name: "add" model_version: -1
    input_map { key: "a" value: "twice" } input_map { key: "b" value: "twice" }
    output_map { key: "sum" value: "y" }
  }
}
`;

const pythonConfig = `backend: "python"
max_batch_size: 8
${io('input', 'x', 'TYPE_FP32', '4')}${io('output', 'y', 'TYPE_FP32', '4')}
instance_group [ { kind: KIND_CPU count: 2 } ]
dynamic_batching { }
`;

/** Negates its input. */
const pythonModel = `import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", -x)]))
        return answers
`;

const repeatConfig = `backend: "repeat"
max_batch_size: 0
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
model_transaction_policy { decoupled: true }
`;

/** Writes the repository that the soak serves; Python models only where they can run. */
export function writeRepository(root: string, options: { readonly python: boolean }): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const onnx = (name: string, fixture: string, config: string): void => {
    write(`${name}/config.pbtxt`, config);
    mkdirSync(join(root, name, '1'), { recursive: true });
    cpSync(join(fixtures, `${fixture}.onnx`), join(root, name, '1/model.onnx'));
  };
  onnx('add', 'add', addConfig);
  onnx('row_sum', 'row_sum', rowSumConfig);
  onnx('total_direct', 'add', totalConfig('direct {}'));
  onnx('total_oldest', 'add', totalConfig('oldest { max_candidate_sequences: 16 }'));
  write('flow/config.pbtxt', flowConfig);
  mkdirSync(join(root, 'flow/1'), { recursive: true });
  write('repeat/config.pbtxt', repeatConfig);
  mkdirSync(join(root, 'repeat/1'), { recursive: true });
  if (!options.python) return;
  write('negate/config.pbtxt', pythonConfig);
  write('negate/1/model.py', pythonModel);
}
