/** A request over HTTP to one of the models. */
export interface Ask {
  /** Names it in the answers. */
  readonly send: string;
  /** Below `/v2/`; absent: infer of model `m`. */
  readonly path?: string;
  readonly body: unknown;
  /** What an error's text must hold: the words themselves are each server's own. */
  readonly mentions?: readonly string[];
}

/**
 * Models and what is asked of them; both servers must answer alike. Only what the Python backend of release 24.10 has: no
 * parameters of responses and no `Tensor.shape`; its `Tensor.triton_dtype` always raises.
 */
export interface PythonCase {
  readonly name: string;
  /** Config and model.py by model, loaded in this order. */
  readonly models: Readonly<Record<string, { readonly config: string; readonly source: string }>>;
  readonly asks: readonly Ask[];
  /** The families on the metrics page that models keep are part of the answer. */
  readonly metrics?: true;
}

const imports = 'import json, asyncio, threading\nimport numpy as np\nimport triton_python_backend_utils as pb_utils\n';
const one = `max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`;
const text = `max_batch_size: 0
input { name: "x" data_type: TYPE_STRING dims: [ -1 ] } output { name: "y" data_type: TYPE_STRING dims: [ -1 ] }`;
const decoupled = `${one.replace('8', '0')} model_transaction_policy { decoupled: true }`;

const python = (config: string, source: string) => ({
  config: `backend: "python" ${config}`,
  source: imports + source,
});

/** `lines` run for each request, with `request` and `x`; they append to `responses`. */
const each = (lines: string): string => `
class TritonPythonModel:
    def initialize(self, args):
        self.args = args
    def execute(self, requests):
        responses = []
        for request in requests:
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
${lines
  .trim()
  .split('\n')
  .map((line) => `            ${line}`)
  .join('\n')}
        return responses
`;
const give = (value: string, more = '') =>
  `responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", ${value})]${more}))`;
/** Answers with the JSON of an expression, as text. */
const tell = (value: string) => give(`np.array([json.dumps(${value})], dtype=object)`);
const input = (data: readonly (number | string)[], shape: readonly number[] = [1, data.length]) => ({
  inputs: [{ name: 'x', datatype: typeof data[0] === 'string' ? 'BYTES' : 'FP32', shape, data }],
});
const number = (send: string, value: number, mentions?: string[]): Ask => ({
  send,
  body: input([value]),
  ...(mentions && { mentions }),
});
const words = (send: string, ...data: string[]): Ask => ({ send, body: input(data, [data.length]) });
const double = python(one, each(give('x * 2')));
const count = python(
  decoupled,
  `
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            for value in range(int(request.inputs()[0].as_numpy()[0])):
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("y", np.array([value], np.float32))]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
`,
);
const call = (model: string, value: string) =>
  `pb_utils.InferenceRequest(model_name="${model}", requested_output_names=["y"], inputs=[pb_utils.Tensor("x", np.array(${value}, np.float32))])`;

/** Of the module, and of its classes. */
const names = [
  ...['InferenceRequest', 'InferenceResponse', 'Logger', 'MetricFamily', 'ModelConfig', 'PreferredMemory', 'Tensor'],
  ...['TRITONSERVER_MEMORY_CPU', 'TRITONSERVER_MEMORY_GPU', 'TRITON_STRING_TO_NUMPY', 'TritonError'],
  ...['TRITONSERVER_REQUEST_FLAG_SEQUENCE_END', 'TRITONSERVER_REQUEST_FLAG_SEQUENCE_START', 'TritonModelException'],
  ...['TRITONSERVER_REQUEST_RELEASE_ALL', 'TRITONSERVER_REQUEST_RELEASE_RESCHEDULE', 'deserialize_bytes_tensor'],
  ...['TRITONSERVER_RESPONSE_COMPLETE_FINAL', 'get_input_config_by_name', 'get_input_tensor_by_name', 'get_model_dir'],
  ...['get_output_config_by_name', 'get_output_tensor_by_name', 'is_model_ready', 'load_model', 'unload_model'],
  ...['numpy_to_triton_type', 'serialize_byte_tensor', 'triton_string_to_numpy', 'triton_to_numpy_type'],
  'using_decoupled_model_transaction_policy',
];
const members = {
  Tensor: ['name', 'as_numpy', 'to_dlpack', 'from_dlpack', 'is_cpu', '__dlpack__', '__dlpack_device__'],
  InferenceRequest: [
    ...['inputs', 'request_id', 'correlation_id', 'flags', 'set_flags', 'timeout', 'parameters', 'trace', 'exec'],
    ...['async_exec', 'requested_output_names', 'get_response_sender', 'is_cancelled', 'set_release_flags'],
  ],
  InferenceResponse: ['output_tensors', 'has_error', 'error'],
  Logger: ['log', 'log_info', 'log_warn', 'log_error', 'log_verbose', 'LogLevel'],
  TritonError: ['code', 'message', 'UNKNOWN', 'INTERNAL', 'NOT_FOUND', 'INVALID_ARG', 'UNAVAILABLE', 'UNSUPPORTED'],
  MetricFamily: ['COUNTER', 'GAUGE', 'HISTOGRAM', 'Metric'],
  ModelConfig: [
    ...['as_dict', 'set_max_batch_size', 'set_dynamic_batching', 'add_input', 'add_output'],
    'set_model_transaction_policy',
  ],
};

export const pythonCases: readonly PythonCase[] = [
  {
    name: 'identity and arithmetic',
    models: { m: double },
    asks: [
      number('one', 3),
      { send: 'rows', body: { ...input([1, 2, 3, 4], [2, 2]), id: 'seven' } },
      { send: 'empty', body: input([], [1, 0]) },
      { send: 'too many rows', body: input([1, 2, 3, 4, 5, 6, 7, 8, 9], [9, 1]) },
      { send: 'wrong type', body: { inputs: [{ name: 'x', datatype: 'INT32', shape: [1, 1], data: [1] }] } },
    ],
  },
  {
    name: 'text',
    models: { m: python(text, each(give('np.array([s.decode()[::-1].encode() for s in x], dtype=object)'))) },
    asks: [words('texts', 'abc', '', 'süß'), words('one', '{"a": 1}')],
  },
  {
    name: 'what a request tells',
    models: {
      m: python(
        text,
        each(
          tell(
            '[json.loads(request.parameters()), request.request_id(), request.correlation_id(), request.flags(), request.timeout(), sorted(request.requested_output_names()), [(t.name(), list(t.as_numpy().shape), t.is_cpu()) for t in request.inputs()]]',
          ),
        ),
      ),
    },
    asks: [
      words('nothing', 'a'),
      {
        send: 'much',
        body: { id: 'i', parameters: { a: 'b', n: 3, t: true, timeout: 5000000 }, ...input(['a'], [1]) },
      },
      {
        send: 'sequence',
        body: { parameters: { sequence_id: 7, sequence_start: true, sequence_end: true }, ...input(['a'], [1]) },
      },
      { send: 'outputs', body: { ...input(['a'], [1]), outputs: [{ name: 'y' }] } },
    ],
  },
  {
    name: 'what initialize tells',
    models: {
      m: python(
        `${text} parameters { key: "k" value { string_value: "v" } } instance_group { count: 1 kind: KIND_CPU }`,
        each(
          tell(
            '[sorted(self.args), self.args["model_name"], self.args["model_version"], self.args["model_instance_name"], self.args["model_instance_kind"], self.args["model_instance_device_id"], self.args["model_repository"].split("/")[-1], pb_utils.get_model_dir().split("/")[-2:], json.loads(self.args["model_config"])["parameters"]]',
          ),
        ),
      ),
    },
    asks: [words('all', 'a')],
  },
  {
    name: 'errors',
    models: {
      m: python(
        one,
        each(`
kind = int(x[0][0])
if kind == 1: raise ValueError("boom")
if kind == 2: return []
if kind == 3: return "text"
if kind == 4: return [7]
codes = ["UNKNOWN", "INTERNAL", "NOT_FOUND", "INVALID_ARG", "UNAVAILABLE", "UNSUPPORTED", "ALREADY_EXISTS", "CANCELLED"]
if kind >= 10:
    responses.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("said", getattr(pb_utils.TritonError, codes[kind - 10]))))
elif kind == 5: responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("z", x)]))
elif kind == 6: responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", x.astype(np.int32))]))
else: ${give('x')}`),
      ),
    },
    asks: [
      number('raised', 1, ['ValueError: boom', 'model.py', 'execute']),
      number('none', 2),
      number('no list', 3),
      number('no response', 4),
      number('another output', 5),
      number('another type', 6),
      ...[10, 11, 12, 13, 14, 15, 16, 17].map((code) => number(`code ${code - 10}`, code, ['said'])),
      number('fine after all', 0),
    ],
  },
  {
    name: 'a decoupled model',
    models: { m: count },
    asks: [
      { send: 'three', path: 'models/m/generate_stream', body: { x: [3] } },
      { send: 'none', path: 'models/m/generate_stream', body: { x: [0] } },
      { send: 'infer', body: input([1], [1]), mentions: ['decoupled'] },
    ],
  },
  {
    name: 'calls of other models',
    models: {
      double,
      count,
      m: python(
        text,
        `${each(`
def said(r):
    return "error" if r.has_error() else [float(v) for t in r.output_tensors() for v in t.as_numpy().ravel()]
async def both():
    return [said(r) for r in await asyncio.gather(${call('double', '[[5]]')}.async_exec(), ${call('double', '[[6]]')}.async_exec())]
${tell(
  `[said(${call('double', '[[4]]')}.exec()), [said(r) for r in ${call('count', '[2]')}.exec(decoupled=True)], asyncio.run(both()), said(${call('absent', '[[1]]')}.exec()), said(${call('count', '[2]')}.exec()), [said(r) for r in ${call('double', '[[7]]')}.exec(decoupled=True)]]`,
)}`)}`,
      ),
    },
    asks: [words('all', 'a')],
  },
  {
    name: 'names that models build on',
    models: {
      m: python(
        text,
        each(
          tell(
            `[sorted(set(${JSON.stringify(names)}) - set(dir(pb_utils))), {k: np.dtype(v).name for k, v in pb_utils.TRITON_STRING_TO_NUMPY.items()}, [np.dtype(pb_utils.triton_string_to_numpy(k)).name for k in sorted(pb_utils.TRITON_STRING_TO_NUMPY)], [sorted(set(wanted) - set(dir(getattr(pb_utils, name)))) for name, wanted in ${JSON.stringify(members)}.items()]]`,
          ),
        ),
      ),
    },
    asks: [words('all', 'a')],
  },
  {
    name: 'what a called model is told',
    models: {
      told: python(
        text,
        each(
          tell(
            '[json.loads(request.parameters()), request.request_id(), request.correlation_id(), request.flags(), request.timeout(), sorted(request.requested_output_names()), request.trace().get_context(), request.is_cancelled(), request.model_name() if hasattr(request, "model_name") else "told"]',
          ),
        ),
      ),
      m: python(
        text,
        each(`
def ask(**more):
    return pb_utils.InferenceRequest(model_name="told", requested_output_names=["y"], inputs=[pb_utils.Tensor("x", x)], **more)
def said(request):
    response = request.exec()
    return "error" if response.has_error() else json.loads(pb_utils.get_output_tensor_by_name(response, "y").as_numpy()[0])
start, end = pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START, pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_END
flagged = ask(correlation_id=9)
flagged.set_flags(end)
def attempt(**more):
    try:
        return said(ask(**more))
    except Exception as error:
        return type(error).__name__
${tell(
  `[said(ask()), said(ask(request_id="r", correlation_id=7, flags=start | end, timeout=5000000, model_version=1, parameters={"a": "b", "n": 3, "t": True})), said(ask(correlation_id="text")), said(flagged), said(ask(model_version=9)), said(ask(trace=request.trace())), attempt(parameters={"f": [1]}), attempt(parameters="x"), attempt(correlation_id=1.5), attempt(preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0)), attempt(request_id=5), attempt(timeout="x")]`,
)}`),
      ),
    },
    asks: [words('all', 'a')],
  },
  {
    name: 'a sender in a model that is not decoupled, and a coroutine',
    models: {
      m: python(
        one,
        `
class TritonPythonModel:
    async def execute(self, requests):
        await asyncio.sleep(0)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", r.inputs()[0].as_numpy() + 1)]) for r in requests]
`,
      ),
      s: python(
        one,
        `
class TritonPythonModel:
    def execute(self, requests):
        for r in requests:
            r.get_response_sender().send(pb_utils.InferenceResponse([pb_utils.Tensor("y", r.inputs()[0].as_numpy())]), pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None
`,
      ),
    },
    asks: [number('coroutine', 1), { send: 'sender', path: 'models/s/infer', body: input([8]) }],
  },
  {
    name: 'metrics that models keep',
    metrics: true,
    models: {
      m: python(
        `${one} instance_group { count: 1 kind: KIND_CPU }`,
        `
class TritonPythonModel:
    def initialize(self, args):
        Family = pb_utils.MetricFamily
        self.counter = Family("seen_total", "What was seen", Family.COUNTER)
        self.shared = self.counter.Metric(labels={"model": "shared", "at": "1"})
        self.bare = self.counter.Metric()
        self.gauge = Family(name="level", description="A level", kind=Family.GAUGE)
        self.level = self.gauge.Metric(labels={"odd": "a\\"b\\\\c\\nd\u00e9"})
        self.histogram = Family("size", "Sizes", Family.HISTOGRAM)
        self.size = self.histogram.Metric(labels={"k": "v"}, buckets=[0.1, 1, 10])
        self.empty = Family("empty", "Without a metric", Family.COUNTER)
    def execute(self, requests):
        responses = []
        for request in requests:
            x = request.inputs()[0].as_numpy()
            value = float(x[0][0])
            self.shared.increment(value)
            self.level.set(value)
            self.level.increment(-2 * value)
            self.size.observe(value)
            y = np.array([[self.shared.value(), self.bare.value(), self.level.value()]], dtype=np.float32)
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", y)]))
        return responses
`,
      ),
      n: python(
        one,
        `
class TritonPythonModel:
    def initialize(self, args):
        self.counter = pb_utils.MetricFamily("seen_total", "What was seen", pb_utils.MetricFamily.COUNTER)
        self.shared = self.counter.Metric(labels={"at": "1", "model": "shared"})
    def execute(self, requests):
        for request in requests: self.shared.increment(10)
        y = np.array([[self.shared.value()]], dtype=np.float32)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("y", y)]) for request in requests]
`,
      ),
    },
    asks: [
      number('half', 0.5),
      number('one', 1),
      { send: 'the other', path: 'models/n/infer', body: input([1]) },
      number('much', 70.25),
    ],
  },
];
