import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/base/index.ts';
import { type Backend, Engine } from '../../src/engine/index.ts';
import { serveEngine } from '../../src/server/index.ts';
import { RealTriton } from './real-triton.ts';

// Model control and settings, the same calls to a real Triton and to the embedded server. `npm run test:control` unpacks
// the real one and sets CONCH_TRITON.
const triton = process.env.CONCH_TRITON;

const tensors = `max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`;
const step = (model: string, from: string, to: string) => `step { model_name: "${model}" model_version: -1
  input_map { key: "x" value: "${from}" } output_map { key: "y" value: "${to}" } }`;
const ensemble = (...steps: string[]) => `platform: "ensemble" ${tensors} ensemble_scheduling { ${steps.join('\n')} }`;
const echo = `import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        tensors = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", one)]) for one in tensors]
`;
const files: Readonly<Record<string, string>> = {
  'a/config.pbtxt': `backend: "python" ${tensors}`,
  'a/1/model.py': echo,
  'b/config.pbtxt': `backend: "python" ${tensors} version_policy { all {} }`,
  'b/1/model.py': echo,
  'b/2/model.py': echo,
  'ab/config.pbtxt': ensemble(step('a', 'x', 't'), step('b', 't', 'y')),
  'ab/1/keep': '',
  'top/config.pbtxt': ensemble(step('ab', 'x', 'y')),
  'top/1/keep': '',
  'broken/config.pbtxt': `backend: "python" ${tensors}`,
  'broken/1/model.py': 'raise Exception("on purpose")',
  'nonsense/config.pbtxt': 'max_batchsize: 4',
  'nonsense/1/model.py': echo,
  'empty/config.pbtxt': `backend: "python" ${tensors}`,
};

/** Answers as `echo` does; a model whose file raises does not load. */
const python: Backend = {
  async load({ dir }) {
    if (readFileSync(join(dir, 'model.py'), 'utf8').startsWith('raise')) throw new Error('on purpose');
    return {
      facts: { instances: 1, concurrency: 1, inline: true, padded: false },
      createInstance: async () => ({
        run: async ({ requests }) => ({
          responses: requests.map(({ inputs }) => ({ outputs: [{ ...inputs[0]!, name: 'y' }] })),
          computeInput: 0,
          computeInfer: 0,
          computeOutput: 0,
        }),
        close: async () => {},
      }),
      close: async () => {},
    };
  },
};

type Step = readonly [what: string, path: string, body?: unknown];
const load = (model: string, parameters?: object): Step => [
  `load ${model} ${JSON.stringify(parameters ?? {}).slice(0, 60)}`,
  `/v2/repository/models/${model}/load`,
  parameters ? { parameters } : {},
];
const unload = (model: string, parameters?: object): Step => [
  `unload ${model} ${JSON.stringify(parameters ?? {})}`,
  `/v2/repository/models/${model}/unload`,
  parameters ? { parameters } : {},
];
const asked = (model: string): Step => [`ask ${model}`, `/v2/models/${model}/infer`, request];
const get = (path: string): Step => [`get ${path}`, path];
const request = { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }] };
const config = (more = {}) =>
  JSON.stringify({
    backend: 'python',
    max_batch_size: 4,
    input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1] }],
    output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [-1] }],
    ...more,
  });
const base64 = (text: string) => Buffer.from(text).toString('base64');
const trace = (settings: unknown): Step => [`trace ${JSON.stringify(settings)}`, '/v2/trace/setting', settings];
const log = (settings: unknown): Step => [`log ${JSON.stringify(settings)}`, '/v2/logging', settings];
const region = (name: string, body: unknown): Step => [
  `register ${name} ${JSON.stringify(body)}`,
  `/v2/systemsharedmemory/region/${name}/register`,
  body,
];

const steps: readonly Step[] = [
  load('nope'),
  load('a', { config: 5 }),
  load('a', { config: '{' }),
  load('a', { config: '{"frob":1}' }),
  load('a', { other: 'x' }),
  load('a', { 'file:1/model.py': base64(echo) }),
  load('a', { config: config(), 'file:../model.py': base64(echo) }),
  ['load with a list', '/v2/repository/models/a/load', { parameters: [] }],
  load('nonsense'),
  load('broken'),
  load('empty'),
  load('top'),
  asked('top'),
  asked('a'),
  asked('b'),
  load('a', { config: config() }),
  get('/v2/models/a'),
  asked('ab'),
  load('a'),
  unload('a'),
  asked('a'),
  asked('ab'),
  load('a'),
  load('top'),
  asked('top'),
  unload('top', { unload_dependents: true }),
  asked('b'),
  unload('nope'),
  load('new', { config: config(), 'file:3/model.py': base64(echo) }),
  asked('new'),
  get('/v2/models/new/versions/1'),
  unload('new', { unload_dependents: 'yes' }),
  unload('new'),
  load('b', { config: config(), 'file:3/model.py': base64(echo), 'file:labels.txt': base64('x') }),
  get('/v2/models/b'),
  asked('b'),
  unload('b'),
  asked('b'),
  load('b'),
  get('/v2/models/b'),
  load('b', { config: config(), 'file:3/model.py': base64(echo) }),
  load('b'),
  get('/v2/models/b'),
  ['named repository', '/v2/repository/r/models/a/load', {}],
  get('/v2/trace/setting'),
  trace({ trace_level: ['TIMESTAMPS'] }),
  trace({ trace_level: 'TIMESTAMPS' }),
  trace({ trace_level: ['OFF', 'TIMESTAMPS'] }),
  trace({ trace_level: ['NONSENSE'] }),
  trace({ trace_rate: 1 }),
  trace({ trace_rate: '99999999999' }),
  trace({ trace_rate: 'x' }),
  trace({ trace_count: '-2' }),
  trace({ trace_file: 'x' }),
  trace({ trace_rate: '5', trace_count: '9', log_frequency: '2' }),
  trace({ trace_rate: null, trace_count: null, log_frequency: null, unknown: 'x' }),
  log({ log_file: 'x' }),
  log({ log_info: 'x' }),
  log({ log_verbose_level: -1 }),
  log({ log_info: false, log_warning: null, unknown: 1 }),
  log({ log_info: true, log_verbose_level: 0, log_format: 'ISO8601' }),
  get('/v2/systemsharedmemory/status'),
  region('r', { key: '/none-of-that-name', byte_size: 8 }),
  region('r', { byte_size: 8 }),
  region('r', { key: '/x' }),
  region('r', { key: '/x', byte_size: '8' }),
  get('/v2/systemsharedmemory/region/r/status'),
  ['unregister', '/v2/systemsharedmemory/region/r/unregister', {}],
  get('/v2/cudasharedmemory/status'),
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'conch-control-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, 'models', path)), { recursive: true });
    writeFileSync(join(folder, 'models', path), text);
  }
  cpSync(join(folder, 'models'), join(folder, 'copy'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a server says to a step: status, the body but for error texts, and then how its models stand. */
async function answer(url: string, [, path, body]: Step) {
  const response = await fetch(url + path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  const said = text === '' ? '' : JSON.parse(text);
  return {
    status: response.status,
    said: typeof said.error === 'string' ? 'an error' : withoutParameters(said),
    models: (await standing(url)) as readonly string[],
  };
}

/** The real server adds sequence parameters to an ensemble's answer that nobody asked for. */
function withoutParameters(said: Record<string, unknown>): unknown {
  if (said === null || typeof said !== 'object' || Array.isArray(said)) return said;
  const { parameters, ...rest } = said;
  return rest;
}

/**
 * How the models stand, but for what the embedded server tells or does beyond the real one: why an ensemble is out of
 * service, a model that a request brought whole, and an ensemble that comes back when its member does.
 */
function comparable(models: readonly string[], again: boolean): readonly string[] {
  return models
    .map((row) => row.replace(/^(ab|top)( .*UNAVAILABLE).*/, '$1$2'))
    .filter((row) => !row.startsWith('new ') && !(again && /^(ab|top) /.test(row)));
}

/** Rows of models with a version, once nothing is on its way any more. */
async function standing(url: string): Promise<string[]> {
  for (;;) {
    const response = await fetch(`${url}/v2/repository/index`, { method: 'POST', body: '{}' });
    const rows = (await response.json()) as { name: string; version?: string; state?: string; reason?: string }[];
    if (!rows.some(({ state }) => state === 'UNLOADING' || state === 'LOADING')) {
      return rows.flatMap(({ name, version, state, reason }) =>
        version === undefined ? [] : [`${name} ${version} ${state} ${reason === 'unloaded' ? reason : ''}`.trim()],
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.skipIf(!triton)('model control and settings (npm run test:control) answer as in a real Triton', async () => {
  const real = await RealTriton.start(resolve(triton!), join(folder, 'models'), { flags: ['--log-format=ISO8601'] });
  const engine = Engine.create({
    repository: join(folder, 'copy'),
    models: [],
    modelControlMode: 'explicit',
    backends: { python },
    logger: createLogger('silent'),
  });
  const logger = createLogger('info');
  const switchedOn = { allowTraceSettings: true, allowLogSettings: true, allowClientShm: true };
  const ours = await serveEngine(engine, { httpPort: 0, metricsPort: false, logger, ...switchedOn });
  try {
    for (const step of steps) {
      const again = step[0] === 'load a {}';
      const [theirs, own] = [await answer(real.url, step), await answer(ours.url, step)];
      theirs.models = comparable(theirs.models, again);
      own.models = comparable(own.models, again);
      expect.soft(own, step[0]).toEqual(theirs);
    }
  } finally {
    await real.stop();
    await ours.close();
  }
});
