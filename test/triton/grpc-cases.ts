/** A call and what it is about. */
export interface GrpcCase {
  readonly name: string;
  /** Why Triton 2.51, the release that can be had, answers otherwise: the status that newer ones give, as we do. */
  readonly newer?: { readonly code: number; readonly reason: string };
  readonly method: string;
  /** A message, or bytes that are none. */
  readonly request: object | Uint8Array;
}

const raw = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
const x = { name: 'x', datatype: 'FP32', shape: [1, 2] };
const good = { model_name: 'echo', inputs: [x], raw_input_contents: [raw(1, 2)] };
const infer = (name: string, request: object | Uint8Array): GrpcCase => ({ name, method: 'ModelInfer', request });
const region = { shared_memory_region: { string_param: 'r' }, shared_memory_byte_size: { int64_param: 8 } };
const withParameters = (parameters: object) => ({ ...good, parameters });

const lookUp = { code: 5, reason: 'looking for what is not there is an error, not an answer' };

/** Calls with one answer. `echo` takes FP32 [-1] with max_batch_size 4, `repeat` is decoupled. */
export const unaryCases: readonly GrpcCase[] = [
  { name: 'live', method: 'ServerLive', request: {} },
  { name: 'ready', method: 'ServerReady', request: {} },
  { name: 'health', method: '/grpc.health.v1.Health/Check', request: { service: 'whatever' } },
  { name: 'model ready', method: 'ModelReady', request: { name: 'echo' } },
  { name: 'unknown model ready', method: 'ModelReady', request: { name: 'none' }, newer: lookUp },
  { name: 'unknown version ready', method: 'ModelReady', request: { name: 'echo', version: '9' }, newer: lookUp },
  { name: 'no version ready', method: 'ModelReady', request: { name: 'echo', version: 'x' } },
  { name: 'model metadata', method: 'ModelMetadata', request: { name: 'echo' } },
  { name: 'version metadata', method: 'ModelMetadata', request: { name: 'echo', version: '1' } },
  { name: 'unknown metadata', method: 'ModelMetadata', request: { name: 'none' } },
  { name: 'unknown config', method: 'ModelConfig', request: { name: 'none' } },
  { name: 'config', method: 'ModelConfig', request: { name: 'echo' } },
  { name: 'unknown statistics', method: 'ModelStatistics', request: { name: 'none' } },
  { name: 'index of a repository', method: 'RepositoryIndex', request: { repository_name: 'r' } },
  { name: 'index', method: 'RepositoryIndex', request: { ready: true } },
  { name: 'load unknown', method: 'RepositoryModelLoad', request: { model_name: 'none' } },
  {
    name: 'load with an unknown parameter',
    method: 'RepositoryModelLoad',
    request: { model_name: 'echo', parameters: { a: { string_param: '' } } },
  },
  {
    name: 'load with a config of the wrong kind',
    method: 'RepositoryModelLoad',
    request: { model_name: 'echo', parameters: { config: { bool_param: true } } },
  },
  { name: 'unload unknown', method: 'RepositoryModelUnload', request: { model_name: 'none' } },
  { name: 'region unknown', method: 'SystemSharedMemoryStatus', request: { name: 'r' } },
  { name: 'regions', method: 'SystemSharedMemoryStatus', request: {} },
  { name: 'CUDA regions', method: 'CudaSharedMemoryStatus', request: {} },
  { name: 'trace of an unknown model', method: 'TraceSetting', request: { model_name: 'none' }, newer: lookUp },
  {
    name: 'log file',
    method: 'LogSettings',
    request: { settings: { log_file: { string_param: 'x' } } },
  },
  infer('raw', good),
  infer('id', { ...good, id: 'é' }),
  infer('version', { ...good, model_version: '1' }),
  infer('contents', { model_name: 'echo', inputs: [{ ...x, contents: { fp32_contents: [1, 2] } }] }),
  infer('two raw entries for one input', { ...good, raw_input_contents: [raw(1, 2), raw(3)] }),
  infer('an output', { ...good, outputs: [{ name: 'y' }] }),
  infer('unknown model', { ...good, model_name: 'none' }),
  infer('unknown version', { ...good, model_version: '9' }),
  infer('no version', { ...good, model_version: 'x' }),
  infer('decoupled', { ...good, model_name: 'repeat' }),
  infer('no input', { model_name: 'echo' }),
  infer('no data', { model_name: 'echo', inputs: [x] }),
  infer('unknown input', { ...good, inputs: [{ ...x, name: 'z' }] }),
  infer('input twice', { ...good, inputs: [x, x], raw_input_contents: [raw(1, 2), raw(1, 2)] }),
  infer('wrong type', { ...good, inputs: [{ ...x, datatype: 'INT32' }] }),
  infer('no type', { ...good, inputs: [{ ...x, datatype: 'FLOAT' }] }),
  infer('short', { ...good, raw_input_contents: [raw(1)] }),
  infer('long', { ...good, raw_input_contents: [raw(1, 2, 3)] }),
  infer('half an element', { ...good, raw_input_contents: [Buffer.of(1, 2, 3)] }),
  infer('negative', { ...good, inputs: [{ ...x, shape: [1, -2] }] }),
  infer('no dimensions', { ...good, inputs: [{ ...x, shape: [] }], raw_input_contents: [raw(1)] }),
  infer('batch too large', { ...good, inputs: [{ ...x, shape: [5, 1] }], raw_input_contents: [raw(1, 2, 3, 4, 5)] }),
  infer('contents and raw', { ...good, inputs: [{ ...x, contents: { fp32_contents: [1, 2] } }] }),
  infer('wrong contents', { model_name: 'echo', inputs: [{ ...x, contents: { int_contents: [1, 2] } }] }),
  infer('two contents', {
    model_name: 'echo',
    inputs: [{ ...x, contents: { int_contents: [1, 2], fp32_contents: [1, 2] } }],
  }),
  infer('too few contents', { model_name: 'echo', inputs: [{ ...x, contents: { fp32_contents: [1] } }] }),
  infer('FP16 contents', {
    model_name: 'echo',
    inputs: [{ ...x, datatype: 'FP16', contents: { fp32_contents: [1, 2] } }],
  }),
  infer('unknown output', { ...good, outputs: [{ name: 'z' }] }),
  {
    ...infer('output twice', { ...good, outputs: [{ name: 'y' }, { name: 'y' }] }),
    newer: { code: 3, reason: 'outputs may be listed once only' },
  },
  infer('classes', { ...good, outputs: [{ name: 'y', parameters: { classification: { int64_param: 1 } } }] }),
  infer('no classes', { ...good, outputs: [{ name: 'y', parameters: { classification: { int64_param: 0 } } }] }),
  infer('classes as text', {
    ...good,
    outputs: [{ name: 'y', parameters: { classification: { string_param: '1' } } }],
  }),
  infer('region as input', { model_name: 'echo', inputs: [{ ...x, parameters: region }] }),
  infer('region as output', { ...good, outputs: [{ name: 'y', parameters: region }] }),
  infer('size without region', {
    ...good,
    inputs: [{ ...x, parameters: { shared_memory_byte_size: { int64_param: 8 } } }],
  }),
  infer(
    'custom parameters',
    withParameters({ a: { int64_param: 1 }, b: { string_param: 'x' }, c: { bool_param: true } }),
  ),
  infer('a double', withParameters({ d: { double_param: 1.5 } })),
  infer('a custom uint64', withParameters({ a: { uint64_param: 1 } })),
  infer('a parameter of no kind', withParameters({ a: {} })),
  infer('a reserved parameter', withParameters({ triton_a: { bool_param: true } })),
  infer('a sequence as text', withParameters({ sequence_id: { string_param: 's' } })),
  infer('a sequence as bool', withParameters({ sequence_id: { bool_param: true } })),
  infer('a start as text', withParameters({ sequence_start: { string_param: 's' } })),
  infer('a priority', withParameters({ priority: { int64_param: 0 } })),
  infer('a priority below 0', withParameters({ priority: { int64_param: -1 } })),
  infer('a timeout', withParameters({ timeout: { int64_param: 1000000 } })),
  infer('a timeout as text', withParameters({ timeout: { string_param: '1' } })),
  infer('no message', Uint8Array.of(10, 200)),
  infer('bad UTF-8', Uint8Array.of(10, 2, 0xc3, 0x28)),
  infer('nothing', {}),
];

export interface StreamCase {
  readonly name: string;
  readonly requests: readonly object[];
  readonly metadata?: Readonly<Record<string, string>>;
}

const repeat = (count: number, more: object = {}) => ({
  model_name: 'repeat',
  inputs: [{ ...x, shape: [1, 1] }],
  raw_input_contents: [raw(count)],
  ...more,
});
const enable = { parameters: { triton_enable_empty_final_response: { bool_param: true } } };
const errors = { triton_grpc_error: 'true' };

/** Streams; the requests of each go out at once. */
export const streamCases: readonly StreamCase[] = [
  { name: 'in order', requests: ['a', 'b', 'c'].map((id) => ({ ...good, id })) },
  {
    name: 'an unknown model amid others',
    requests: [
      { ...good, id: 'a' },
      { ...good, model_name: 'none', id: 'b' },
      { ...good, id: 'c' },
    ],
  },
  { name: 'a wrong input', requests: [{ ...good, inputs: [{ ...x, name: 'z' }], id: 'a' }] },
  { name: 'no data', requests: [{ model_name: 'echo', inputs: [x], id: 'a' }] },
  { name: 'three responses', requests: [repeat(3, { id: 'a' })] },
  { name: 'three and the empty one', requests: [repeat(3, { id: 'a', ...enable })] },
  { name: 'no response', requests: [repeat(0, { id: 'a' })] },
  { name: 'only the empty one', requests: [repeat(0, { id: 'a', ...enable })] },
  { name: 'the empty one of a model that always answers', requests: [{ ...good, id: 'a', ...enable }] },
  { name: 'a model that fails', requests: [{ ...good, model_name: 'fails', id: 'a' }] },
  { name: 'a version that fails', requests: [{ ...good, model_name: 'fails', model_version: '1', id: 'a' }] },
  { name: 'a model that fails, as a status', requests: [{ ...good, model_name: 'fails', id: 'a' }], metadata: errors },
  { name: 'an unknown model, as a status', requests: [{ ...good, model_name: 'none', id: 'a' }], metadata: errors },
  {
    name: 'a wrong input, as a status',
    requests: [{ ...good, inputs: [{ ...x, name: 'z' }], id: 'a' }],
    metadata: errors,
  },
  { name: 'nothing', requests: [] },
];
