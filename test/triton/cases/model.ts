import { type Case, config, modelPy, pythonModel } from '../case.ts';

const tails: Record<string, string> = {
  'nothing else': '',
  'name equals folder': 'name: "m"',
  'name differs from folder': 'name: "other"',
  'negative batch size': 'max_batch_size: -1',
  'platform ensemble with a backend': 'platform: "ensemble"',
  'any platform with python': 'platform: "anything"',
  'platform of another backend': 'platform: "onnxruntime_onnx"',
  'file name that is not there': 'default_model_filename: "other.py"',
  'ensemble scheduling with a backend': 'ensemble_scheduling { }',
  'preferred size above maximum': 'max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }',
  'preferred size zero': 'max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }',
  'preferred size negative': 'max_batch_size: 4 dynamic_batching { preferred_batch_size: -1 }',
  'preferred size without batching': 'dynamic_batching { preferred_batch_size: 1 }',
  'dynamic batching without batching': 'dynamic_batching { }',
  'dynamic batching, all defaults': 'max_batch_size: 8 dynamic_batching { }',
  'preferred sizes in disorder': 'max_batch_size: 8 dynamic_batching { preferred_batch_size: [ 8, 2, 2 ] }',
  'queue delay': 'max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 100 }',
  'priority without default': 'max_batch_size: 8 dynamic_batching { priority_levels: 2 }',
  'priority default above levels':
    'max_batch_size: 8 dynamic_batching { priority_levels: 2 default_priority_level: 3 }',
  'priority with default': 'max_batch_size: 8 dynamic_batching { priority_levels: 2 default_priority_level: 1 }',
  'priority policy outside levels':
    'max_batch_size: 8 dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { max_queue_size: 1 } } }',
  'priority policy zero':
    'max_batch_size: 8 dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 0 value { max_queue_size: 1 } } }',
  'priority policy inside levels':
    'max_batch_size: 8 dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 2 value { max_queue_size: 1 } } }',
  'priority policy without levels': 'max_batch_size: 8 dynamic_batching { priority_queue_policy { key: 3 value { } } }',
  'ordering with one level':
    'max_batch_size: 8 dynamic_batching { preserve_ordering: true priority_levels: 1 default_priority_level: 1 }',
  'ordering with two levels':
    'max_batch_size: 8 dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }',
  'ordering with delay on timeout':
    'max_batch_size: 8 dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5 } }',
  'ordering with delay and no timeout':
    'max_batch_size: 8 dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY } }',
  'ordering with delay in a level':
    'max_batch_size: 8 dynamic_batching { preserve_ordering: true priority_levels: 1 default_priority_level: 1 priority_queue_policy { key: 1 value { timeout_action: DELAY default_timeout_microseconds: 5 } } }',
  'cache with sequence batching': 'response_cache { enable: true } sequence_batching { }',
  'cache with decoupled': 'response_cache { enable: true } model_transaction_policy { decoupled: true }',
  'cache alone': 'response_cache { enable: true }',
  'decoupled alone': 'model_transaction_policy { decoupled: true }',
  'optimization empty': 'optimization { }',
  'optimization pinned without value': 'optimization { input_pinned_memory { } }',
  'optimization graph': 'optimization { graph { level: 1 } priority: PRIORITY_MAX }',
  'metric tags': 'metric_tags { key: "team" value: "nlp" }',
  'metric tags with odd values': 'metric_tags { key: "9" value: "\\"\\n" } metric_tags { key: "" value: "" }',
  'metric tag with a space': 'metric_tags { key: "a b" value: "v" }',
  'metric tag with a dash': 'metric_tags { key: "a-b" value: "v" }',
  'metric tag with an underscore in front': 'metric_tags { key: "_a" value: "v" }',
  'runtime that is not there': 'runtime: "libtriton_nothing.so"',
  'batching strategy with the sequence batcher':
    'max_batch_size: 4 sequence_batching { } parameters { key: "TRITON_BATCH_STRATEGY_PATH" value { string_value: "/nothing.so" } }',
  'batching strategy that is not there':
    'max_batch_size: 4 dynamic_batching { } parameters { key: "TRITON_BATCH_STRATEGY_PATH" value { string_value: "nothing.so" } }',
  'instance group of a kind without a name': 'instance_group { kind: 9 }',
  'environment that is not there':
    'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/env.tar.gz" } }',
  'file name above the version': 'default_model_filename: "../1/model.py"',
  'timeout below the delay':
    'max_batch_size: 4 dynamic_batching { max_queue_delay_microseconds: 100 default_queue_policy { default_timeout_microseconds: 10 } }',
  'timeout override without a timeout':
    'max_batch_size: 4 dynamic_batching { default_queue_policy { allow_timeout_override: true } }',
  'unknown metric':
    'model_metrics { metric_control { metric_identifier { family: "nothing" } histogram_options { buckets: [ 1 ] } } }',
  'agent that is not there': 'model_repository_agents { agents { name: "nothing" } }',
  'operations library': 'model_operations { op_library_filename: "libx.so" }',
  parameters: 'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "" } }',
  'instance group CPU': 'instance_group { kind: KIND_CPU count: 2 }',
  'instance group CPU with gpus': 'instance_group { kind: KIND_CPU gpus: 0 }',
  'instance group GPU': 'instance_group { kind: KIND_GPU }',
  'instance group GPU with ids': 'instance_group { kind: KIND_GPU gpus: [ 0 ] }',
  'instance group AUTO': 'instance_group { count: 1 }',
  'instance group AUTO with ids': 'instance_group { gpus: [ 0 ] }',
  'instance group MODEL': 'instance_group { kind: KIND_MODEL }',
  'instance group MODEL with gpus': 'instance_group { kind: KIND_MODEL gpus: 0 }',
  'instance count zero': 'instance_group { kind: KIND_CPU count: 0 }',
  'instance count negative': 'instance_group { kind: KIND_CPU count: -3 }',
  'instance group names': 'instance_group { name: "a" kind: KIND_CPU } instance_group { name: "a" kind: KIND_CPU }',
  'instance group passive': 'instance_group { kind: KIND_CPU passive: true }',
  'instance profile': 'instance_group { kind: KIND_CPU profile: "0" }',
  'instance host policy': 'instance_group { kind: KIND_CPU host_policy: "nothing" }',
  'instance rate limiter':
    'instance_group { kind: KIND_CPU rate_limiter { priority: 2 resources { name: "r" count: 2 } } }',
  'instance secondary device': 'instance_group { kind: KIND_CPU secondary_devices { kind: KIND_NVDLA device_id: 1 } }',
  'batch input with an unknown source':
    'max_batch_size: 4 batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT32 source_input: "z" }',
  'batch input with two sources':
    'max_batch_size: 4 batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT32 source_input: "x" source_input: "x" }',
  'batch input with a wrong type':
    'max_batch_size: 4 batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT64 source_input: "x" }',
  'batch input':
    'max_batch_size: 4 batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_FP32 source_input: "x" }',
  'batch input of an unknown kind':
    'max_batch_size: 4 batch_input { kind: 17 target_name: "n" data_type: TYPE_FP32 source_input: "x" }',
  'batch output':
    'max_batch_size: 4 batch_output { target_name: "y" kind: BATCH_SCATTER_WITH_INPUT_SHAPE source_input: "x" }',
  'batch output with an unknown target':
    'max_batch_size: 4 batch_output { target_name: "z" kind: BATCH_SCATTER_WITH_INPUT_SHAPE source_input: "x" }',
  'batch output with a target twice':
    'max_batch_size: 4 batch_output { target_name: "y" target_name: "y" kind: BATCH_SCATTER_WITH_INPUT_SHAPE source_input: "x" }',
  'batch output with an unknown source':
    'max_batch_size: 4 batch_output { target_name: "y" kind: BATCH_SCATTER_WITH_INPUT_SHAPE source_input: "z" }',
  'metrics without family': 'model_metrics { metric_control { histogram_options { buckets: [ 1 ] } } }',
  'metrics without options':
    'model_metrics { metric_control { metric_identifier { family: "nv_inference_first_response_histogram_ms" } } }',
};

// Lines that stand in the place of the input, the output, or both.
const tensors: Record<string, { input?: string; output?: string; tail?: string }> = {
  'no input': { input: '' },
  'no output': { output: '' },
  neither: { input: '', output: '' },
  'input without name': { input: 'input { data_type: TYPE_FP32 dims: 4 }' },
  'input without type': { input: 'input { name: "x" dims: 4 }' },
  'input without dims': { input: 'input { name: "x" data_type: TYPE_FP32 }' },
  'input dim 0': { input: 'input { name: "x" data_type: TYPE_FP32 dims: 0 }' },
  'input dim -2': { input: 'input { name: "x" data_type: TYPE_FP32 dims: -2 }' },
  'input dim -1': { input: 'input { name: "x" data_type: TYPE_FP32 dims: -1 }' },
  'input type invalid': { input: 'input { name: "x" data_type: TYPE_INVALID dims: 1 }' },
  'input type of an unknown number': { input: 'input { name: "x" data_type: 99 dims: 1 }' },
  'input twice': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: 1 } input { name: "x" data_type: TYPE_FP32 dims: 1 }',
  },
  'output twice': {
    output: 'output { name: "y" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }',
  },
  'output dim 0': { output: 'output { name: "y" data_type: TYPE_FP32 dims: 0 }' },
  'reshape of the same size': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2, 2 ] reshape { shape: [ 4 ] } }',
  },
  'reshape of another size': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2, 2 ] reshape { shape: [ 5 ] } }',
  },
  'reshape to a scalar without batching': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ ] } }',
  },
  'reshape to a scalar with batching': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ ] } }',
    tail: 'max_batch_size: 2',
  },
  'reshape of 2 to a scalar': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] reshape { shape: [ ] } }',
    tail: 'max_batch_size: 2',
  },
  'reshape with a variable': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2, 4, -1, 6 ] reshape { shape: [ 8, -1, 1, 6 ] } }',
  },
  'reshape with a variable that departs': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2, 4, -1, 6 ] reshape { shape: [ 4, -1, 2, 6 ] } }',
  },
  'reshape losing a variable': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] reshape { shape: [ 4 ] } }',
  },
  'reshape with 0': { input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ 0 ] } }' },
  'reshape of an output': {
    output: 'output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 3 ] } }',
  },
  'format NHWC of rank 3': { input: 'input { name: "x" data_type: TYPE_FP32 format: FORMAT_NHWC dims: [ 2, 2, 3 ] }' },
  'format NHWC of rank 1': { input: 'input { name: "x" data_type: TYPE_FP32 format: FORMAT_NHWC dims: [ 2 ] }' },
  'format NCHW of rank 4': {
    input: 'input { name: "x" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 1, 2, 2, 3 ] }',
  },
  'shape tensor': { input: 'input { name: "x" data_type: TYPE_INT32 dims: 1 is_shape_tensor: true }' },
  'shape tensor output': { output: 'output { name: "y" data_type: TYPE_INT32 dims: 1 is_shape_tensor: true }' },
  'non-linear format': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: [ 2, 2, 2 ] is_non_linear_format_io: true }',
  },
  ragged: {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: -1 allow_ragged_batch: true }',
    tail: 'max_batch_size: 4 dynamic_batching { }',
  },
  'optional input': {
    input: 'input { name: "x" data_type: TYPE_FP32 dims: 1 optional: true }',
    tail: 'max_batch_size: 4',
  },
  'label file that is not there': {
    output: 'output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "labels.txt" }',
  },
  'label file above the model': {
    output: 'output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "../labels.txt" }',
  },
};

const good = config('');

export const cases: Case[] = [
  ...Object.entries(tails).map(([name, tail]) => ({ name: `model: ${name}`, files: pythonModel('m', config(tail)) })),
  ...Object.entries(tensors).map(([name, { tail = '', ...sides }]) => ({
    name: `tensor: ${name}`,
    files: pythonModel('m', config(tail, sides)),
  })),
  {
    name: 'tensor: label file',
    files: pythonModel(
      'm',
      config('', { output: 'output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "labels.txt" }' }),
      { 'labels.txt': 'a\nb\n' },
    ),
  },
  {
    name: 'model: backend with the platform of another',
    files: pythonModel('m', good.replace('"python"', '"onnxruntime" platform: "tensorrt_plan"')),
  },
  {
    name: 'model: platform libtorch',
    files: pythonModel('m', good.replace('backend: "python"', 'platform: "libtorch"')),
  },
  { name: 'model: backend that is not there', files: pythonModel('m', good.replace('"python"', '"nothing"')) },
  { name: 'model: no configuration', files: { 'm/1/model.py': modelPy } },
  { name: 'model: no configuration, name with a dot', files: { 'm.python/1/other.txt': '' } },
  { name: 'model: backend left out', files: pythonModel('m', good.replace('backend: "python"', '')) },
  { name: 'model: folder that is not a model', files: { 'm/readme.txt': '' } },
  {
    name: 'model: code that does not import',
    files: { 'm/config.pbtxt': good, 'm/1/model.py': 'import nothing_at_all\n' },
  },
];
