import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/base/index.ts';
import { keyLine, makeKey, type RunningProxy, startProxy } from '../../src/proxy/index.ts';
import { RealTriton } from './real-triton.ts';

// The proxy's reload against a real Triton with its Python backend, under load. `npm run test:reload` unpacks Triton and
// sets CONCH_TRITON.
const folder = process.env.CONCH_TRITON;
const admin = makeKey();
let repository: string;
let triton: RealTriton;
let proxy: RunningProxy;

/** A model that answers with `answer`, an expression over its input `x`. */
const model = (answer: string, load = '') => `import numpy as np
import triton_python_backend_utils as pb_utils
${load}
class TritonPythonModel:
    def execute(self, requests):
        tensors = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", ${answer})]) for x in tensors]
`;
const files: Readonly<Record<string, string>> = {
  'm/config.pbtxt': `backend: "python" max_batch_size: 8 dynamic_batching { }
    input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }`,
  'm/1/model.py': model('x + np.float32(1)'),
};
const add = (path: string, text: string) => {
  const file = join(repository, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};

beforeAll(async () => {
  if (!folder) return;
  repository = mkdtempSync(join(tmpdir(), 'conch-reload-'));
  for (const [path, text] of Object.entries(files)) add(path, text);
  triton = await RealTriton.start(resolve(folder), repository, { flags: ['--load-model=m'] });
  proxy = await startProxy({
    server: triton.url,
    port: 0,
    metricsPort: false,
    logger: createLogger('silent'),
    apiKeys: { text: keyLine('ops', admin, { admin: true }) },
    admin: true,
  });
  await proxy.whenReady();
}, 120_000);
afterAll(async () => {
  await proxy?.close();
  await triton?.stop();
  if (repository) rmSync(repository, { recursive: true, force: true });
});

async function post(path: string, body: unknown) {
  const response = await fetch(proxy.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': admin },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    body: (await response.json()) as { readonly [field: string]: unknown; readonly y: readonly number[] },
    version: response.headers.get('x-conch-model-version'),
  };
}

/** Asks all the time while `work` runs; what each version answered to a zero, and what went wrong. */
async function underLoad<T>(work: () => Promise<T>) {
  const answers = new Map<string, Set<number>>();
  const wrong: unknown[] = [];
  let [stop, count] = [false, 0];
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const { status, body, version } = await post('/models/m', { x: [0, 0] });
      count++;
      if (status !== 200) wrong.push({ status, body });
      else answers.set(version!, (answers.get(version!) ?? new Set()).add(body.y[0]!));
    }
  });
  const until = async (some: number) => {
    while (count < some) await new Promise((done) => setImmediate(done));
  };
  await until(50);
  const result = await work();
  await until(count + 50);
  stop = true;
  await Promise.all(clients);
  return {
    result,
    wrong,
    answers: Object.fromEntries([...answers].map(([version, set]) => [version, [...set]])),
    count,
  };
}
const ready = async () => {
  const rows = await (await fetch(`${triton.url}/v2/repository/index`, { method: 'POST', body: '{}' })).json();
  return (rows as { version: string; state: string }[])
    .filter(({ state }) => state === 'READY')
    .map((row) => row.version);
};

test.skipIf(!folder)(
  'the new version takes over with no failed request',
  async () => {
    add('m/2/model.py', model('x + np.float32(2)', 'import time; time.sleep(1)'));
    const { result, wrong, answers } = await underLoad(() =>
      post('/admin/models/m/reload', { version: '2', tolerance: 2 }),
    );
    expect([result.status, result.body.warnings, wrong]).toEqual([200, [], []]);
    expect(answers).toEqual({ '1': [1], '2': [2] });
    await expect.poll(ready, { timeout: 20_000 }).toEqual(['2']);
  },
  120_000,
);

test.skipIf(!folder).each([
  ['cannot be loaded', '3', () => add('m/3/model.py', 'raise Exception("on purpose")')],
  ['answers NaN', '4', () => add('m/4/model.py', model('x * np.float32("nan")'))],
  ['fails on its input', '5', () => add('m/5/model.py', model('1 / 0'))],
  ['answers something else', '6', () => add('m/6/model.py', model('x + np.float32(50)'))],
  ['is not there', '7', () => {}],
])(
  'a version that %s never takes traffic',
  async (_name, version, prepare) => {
    prepare();
    const reload = () => post('/admin/models/m/reload', { version, tolerance: 5 });
    const { result, wrong, answers } = await underLoad(reload);
    expect([result.status, result.body.code, wrong, answers]).toEqual([400, 'MODEL_LOAD_FAILED', [], { '2': [2] }]);
    await expect.poll(ready, { timeout: 20_000 }).toEqual(['2']);
  },
  120_000,
);

test.skipIf(!folder)(
  'a version that is replaced in place is swapped by Triton itself',
  async () => {
    add('m/2/model.py', model('x + np.float32(20)'));
    const { result, wrong, answers } = await underLoad(() => post('/admin/models/m/reload', { version: '2' }));
    expect([result.status, wrong]).toEqual([200, []]);
    expect(answers).toEqual({ '2': [2, 20] });
  },
  120_000,
);
