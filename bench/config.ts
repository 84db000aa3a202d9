/**
 * Speed of the config.pbtxt reader and printer on a typical file of about 60 lines: `node bench/config.ts`.
 * Prints one line a measure, for docs/benchmarks.md.
 */
import {
  completeConfig,
  configToJson,
  editConfig,
  formatConfig,
  parseConfig,
  printConfig,
} from '../src/config/index.ts';

const text = `# A text encoder with dynamic batching.
name: "finbert-model"
platform: "onnxruntime_onnx"
max_batch_size: 32
input [
  {
    name: "input_ids" # token ids
    data_type: TYPE_INT64
    dims: [ -1 ]
  },
  {
    name: "attention_mask"
    data_type: TYPE_INT64
    dims: [ -1 ]
  },
  {
    name: "token_type_ids"
    data_type: TYPE_INT64
    dims: [ -1 ]
  }
]
output [
  {
    name: "logits"
    data_type: TYPE_FP32
    dims: [ 3 ]
    label_filename: "labels.txt"
  }
]
instance_group [
  {
    kind: KIND_CPU
    count: 2
  }
]
dynamic_batching {
  preferred_batch_size: [ 4, 8, 16 ]
  max_queue_delay_microseconds: 100
  default_queue_policy {
    timeout_action: REJECT
    default_timeout_microseconds: 1000000
    max_queue_size: 64
  }
}
version_policy { latest { num_versions: 2 } }
parameters {
  key: "intra_op_thread_count"
  value { string_value: "4" }
}
parameters {
  key: "enable_mem_arena"
  value { string_value: "1" }
}
model_warmup [
  {
    name: "one"
    batch_size: 1
    inputs { key: "input_ids" value { data_type: TYPE_INT64 dims: [ 8 ] zero_data: true } }
    inputs { key: "attention_mask" value { data_type: TYPE_INT64 dims: [ 8 ] zero_data: true } }
    inputs { key: "token_type_ids" value { data_type: TYPE_INT64 dims: [ 8 ] zero_data: true } }
  }
]
`;

function measure(name: string, run: () => unknown): void {
  for (let i = 0; i < 500; i++) run();
  const runs = 3000;
  const start = performance.now();
  for (let i = 0; i < runs; i++) run();
  const each = (performance.now() - start) / runs;
  console.log(`${name.padEnd(24)} ${(each * 1000).toFixed(1)} us  ${Math.round(1000 / each).toLocaleString('en')}/s`);
}

const bytes = new TextEncoder().encode(text);
const { config } = parseConfig(text);
measure('parseConfig', () => parseConfig(text));
measure('parseConfig of bytes', () => parseConfig(bytes));
measure('parseConfig and at', () => parseConfig(text).at('model_warmup[0].inputs["token_type_ids"].value.dims[0]'));
measure('printConfig', () => printConfig(config));
measure('configToJson', () => configToJson(config));
measure('completeConfig', () => completeConfig(config, { modelName: 'finbert-model' }));
measure('formatConfig', () => formatConfig(text));
measure('editConfig', () => editConfig(text, [{ path: 'max_batch_size', value: 64 }]));
const started = performance.now();
for (let i = 0; i < 1000; i++) parseConfig(text.replaceAll('finbert', `model-${i}`));
console.log(`1,000 different configs    ${(performance.now() - started).toFixed(0)} ms`);
