import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { compileDeployment, loadDeployment } from '../../compile/index.ts';
import { type RunningServer, startServer } from '../../server/index.ts';
import { keyLine, makeKey } from '../operations/index.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '../start.ts';

// Reloads under load, over real sockets, against embedded servers whose models are controlled over the network.
const root = resolve(import.meta.dirname, '../../..');
let compiled: string;
let folders: string[] = [];
let servers: RunningServer[] = [];
let proxy: RunningProxy | undefined;
const admin = makeKey();
const web = makeKey();

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), 'reload-'));
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), {
    repository: compiled,
    models: ['simple_net'],
  });
}, 60_000);
beforeEach(() => {
  folders = [];
  servers = [];
});
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await Promise.all(servers.map((server) => server.close()));
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});
afterAll(() => rm(compiled, { recursive: true, force: true }));

/** A server over a repository of its own; `versions` beyond 1 are copies of it. */
async function serve(versions: string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'reload-server-'));
  folders.push(folder);
  await cp(compiled, folder, { recursive: true });
  const server = await startServer({
    repository: folder,
    httpPort: 0,
    metricsPort: false,
    modelControlMode: 'explicit',
    models: ['simple_net'],
    logger: createLogger('silent'),
  });
  servers.push(server);
  for (const version of versions) await addVersion(folder, version);
  return folder;
}
const path = (folder: string, version: string) => join(folder, 'simple_net', version);
const addVersion = (folder: string, version: string) =>
  cp(path(folder, '1'), path(folder, version), { recursive: true });

async function front(options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
  const lines = `${keyLine('ops', admin, { admin: true })}\n${keyLine('web', web)}`;
  proxy = await startProxy({
    server: servers.map(({ url }) => ({ url })),
    port: 0,
    logger: createLogger('silent'),
    metricsPort: false,
    apiKeys: { text: lines },
    admin: true,
    ...options,
  });
  await proxy.whenReady();
  return proxy;
}

async function call(method: string, url: string, body?: unknown, key = admin) {
  const response = await fetch(`${proxy!.url}${url}`, {
    method,
    headers: { 'x-api-key': key, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    version: response.headers.get('x-conch-model-version'),
    body: text && JSON.parse(text),
  };
}
const ask = () => call('POST', '/models/simple_net', { x: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }, web);
const reload = (body: unknown) => call('POST', '/admin/models/simple_net/reload', body);

/** Asks all the time while `work` runs, and a little longer; which versions answered, and what went wrong. */
async function underLoad<T>(work: () => Promise<T>) {
  const versions: string[] = [];
  const wrong: unknown[] = [];
  let stop = false;
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const answer = await ask();
      if (answer.status !== 200) wrong.push(answer);
      versions.push(answer.version ?? 'none');
    }
  });
  const until = async (count: number) => {
    while (versions.length < count) await new Promise((done) => setImmediate(done));
  };
  await until(50);
  const result = await work();
  const after = versions.length + 16;
  await until(after + 50);
  stop = true;
  await Promise.all(clients);
  return { result, wrong, before: versions.slice(0, 50), after: versions.slice(after), all: new Set(versions) };
}
const ready = async () =>
  Promise.all(
    servers.map(async ({ url }) => {
      const rows = await (await fetch(`${url}/v2/repository/index`, { method: 'POST' })).json();
      return (rows as { version: string; state: string }[])
        .filter(({ state }) => state === 'READY')
        .map(({ version }) => version);
    }),
  );

test('the new version takes over with no failed request, and the old one is unloaded', async () => {
  await serve(['2']);
  await front();
  const { result, wrong, before, after } = await underLoad(() => reload({ version: '2', tolerance: 0 }));
  expect([result.status, wrong]).toEqual([200, []]);
  expect(result.body).toMatchObject({
    model: 'simple_net',
    from: ['1'],
    to: '2',
    drained: true,
    warnings: [],
    maxAbsDifference: 0,
  });
  expect(new Set(before)).toEqual(new Set(['1']));
  expect(new Set(after)).toEqual(new Set(['2']));
  expect(await ready()).toEqual([['2']]);
  const next = await reload({});
  expect([next.status, next.body.error]).toEqual([
    400,
    expect.stringContaining("version 3 of 'simple_net' was not taken"),
  ]);
  expect((await ask()).version).toBe('2');
});

test.each<[string, (folder: string) => Promise<void>, string]>([
  ['cannot be loaded', (folder) => writeFile(join(path(folder, '2'), 'model.onnx'), 'no model'), 'simple_net'],
  ['is not there', (folder) => rm(path(folder, '2'), { recursive: true }), '2'],
  [
    'answers NaN',
    async (folder) => {
      // The file loads, and nothing that it says is a number.
      const file = join(path(folder, '2'), 'model.onnx');
      const bytes = await readFile(file);
      const bias = await tensorBytes('net.4.bias');
      bytes.writeFloatLE(Number.NaN, bytes.indexOf(bias));
      await writeFile(file, bytes);
    },
    'NaN or Infinity',
  ],
])('a version that %s never takes traffic, and is taken away again', async (_name, spoil, words) => {
  const folder = await serve(['2']);
  await spoil(folder);
  await front();
  const { result, wrong, all } = await underLoad(() => reload({ version: '2' }));
  expect([result.status, wrong, all]).toEqual([400, [], new Set(['1'])]);
  expect(result.body.code).toBe('MODEL_LOAD_FAILED');
  expect(result.body.error).toContain(words);
  expect(result.body.error).toContain('version 1 goes on serving');
  expect(await ready()).toEqual([['1']]);
});

test('one server of two on which it fails keeps the old version everywhere', async () => {
  await serve(['2']);
  const bad = await serve(['2']);
  await writeFile(join(path(bad, '2'), 'model.onnx'), 'no model');
  await front();
  const { result, wrong, all } = await underLoad(() => reload({ version: '2' }));
  expect([result.status, wrong, all]).toEqual([400, [], new Set(['1'])]);
  // Whoever may reload may know which server it was.
  expect(result.body.error).toContain(servers[1]!.url);
  expect(await ready()).toEqual([['1'], ['1']]);
});

test('both servers go over together; a version in place is replaced one after the other', async () => {
  await serve(['5']);
  await serve(['5']);
  await front();
  const first = await underLoad(() => reload({ version: 5 }));
  expect([first.result.status, first.wrong, await ready()]).toEqual([200, [], [['5'], ['5']]]);
  expect(first.result.body.servers).toHaveLength(2);
  const second = await underLoad(() => reload({ version: '5' }));
  expect([second.result.status, second.wrong]).toEqual([200, []]);
  expect(second.result.body.servers).toHaveLength(2);
  const { body } = await call('GET', '/admin/servers');
  expect(body.servers.map(({ inRotation }: { inRotation: boolean }) => inRotation)).toEqual([true, true]);
});

test('a probe of one’s own is asked, and one that does not fit is refused', async () => {
  await serve(['2']);
  await front();
  const refused = await reload({ version: '2', probes: [{ x: [1] }] });
  expect([refused.status, refused.body.error]).toEqual([
    400,
    expect.stringContaining('x: expected a list of 10 numbers'),
  ]);
  for (const [body, error] of [
    [{ versoin: '2' }, "body: expected no field 'versoin'"],
    [{ version: true }, 'version: expected a version'],
    [{ version: '0' }, 'version: expected a whole number above 0'],
    [{ version: '2', tolerance: -1 }, 'tolerance: expected a number from 0'],
    [{ version: '2', probes: [] }, 'probes: expected a list of bodies'],
  ] as const) {
    const answer = await reload(body);
    expect([answer.status, answer.body.error.slice(0, error.length)]).toEqual([400, error]);
  }
  expect((await reload({ version: '2', probes: [{ x: Array(10).fill(0.5) }] })).status).toBe(200);
});

test('models are loaded through the proxy, and traffic is shared out between versions while it runs', async () => {
  await serve(['2']);
  await front({ routes: { simple_net: { '1': 3, '2': 1 } } });
  const { body: config } = await call('GET', '/v2/models/simple_net/config');
  const both = { ...config, version_policy: { specific: { versions: [1, 2] } } };
  const load = (parameters: unknown) => call('POST', '/v2/repository/models/simple_net/load', { parameters });
  expect((await load({ config: JSON.stringify(both) })).status).toBe(200);
  expect(await ready()).toEqual([['1', '2']]);
  expect((await load({ config: 'no JSON' })).status).toBe(400);
  expect((await load({ 'dir:x': '' })).status).toBe(400);
  const count = async () => {
    const versions = await Promise.all(Array.from({ length: 40 }, async () => (await ask()).version));
    return versions.filter((version) => version === '2').length;
  };
  // Requests that arrive in one turn share an inference, so that shares of requests come out over many turns alone.
  let twos = 0;
  for (let index = 0; index < 80; index++) if ((await ask()).version === '2') twos++;
  expect(twos).toBeGreaterThanOrEqual(18);
  expect(twos).toBeLessThanOrEqual(22);
  expect((await call('PUT', '/admin/models/simple_net/route', { weights: { '2': 1 } })).body.weights).toEqual({
    '2': 1,
  });
  expect(await count()).toBe(40);
  expect((await call('GET', '/admin/routes')).body.routes).toEqual([{ model: 'simple_net', weights: { '2': 1 } }]);
  expect((await reload({ version: '2' })).body.error).toContain('is shared out between versions');
  expect((await call('DELETE', '/admin/models/simple_net/route')).status).toBe(204);
  expect((await call('POST', '/v2/repository/models/simple_net/unload', {})).status).toBe(200);
  expect(await ready()).toEqual([[]]);
  expect((await load({})).status).toBe(200);
  for (const weights of [{}, { '2': 0 }, { '2': 'x' }, [1], { '-1': 2 }, { '2': 1e300 }]) {
    expect([weights, (await call('PUT', '/admin/models/simple_net/route', { weights })).status]).toEqual([
      weights,
      400,
    ]);
  }
});

test('admin routes exist only where they are switched on, and only for keys that may', async () => {
  await serve();
  const paths = [
    ['GET', '/admin/servers'],
    ['GET', '/admin/shadow'],
    ['POST', '/admin/models/simple_net/reload'],
    ['PUT', '/admin/models/simple_net/route'],
    ['POST', '/v2/repository/models/simple_net/load'],
    ['POST', '/v2/repository/models/simple_net/unload'],
    ['POST', '/v2/logging'],
    ['POST', '/v2/trace/setting'],
    ['GET', '/v2/systemsharedmemory/status'],
  ] as const;
  await front();
  for (const [method, url] of paths) {
    expect([url, (await call(method, url, method === 'GET' ? undefined : {}, web)).status]).toEqual([url, 403]);
    for (const trick of [`/${url}`, url.replace('/', '/./'), url.replace('/', '/%2e/'), url.toUpperCase(), `${url}/`]) {
      const { status } = await call(method, trick, method === 'GET' ? undefined : {}, web);
      expect([trick, [403, 404].includes(status)]).toEqual([trick, true]);
    }
  }
  expect((await call('GET', '/admin/shadow')).status).toBe(501);
  expect((await call('GET', '/v2/logging')).body).toMatchObject({ log_info: expect.any(Boolean) });
  expect((await call('GET', '/v2/trace/setting')).body).toMatchObject({ trace_level: expect.any(Array) });
  // The server itself lets nobody change them.
  expect((await call('POST', '/v2/logging', { log_info: false })).status).toBeGreaterThanOrEqual(400);
  expect((await call('POST', '/v2/systemsharedmemory/region/a/register', { key: 1 })).status).toBe(400);
  await proxy!.close();
  await front({ admin: false });
  for (const [method, url] of paths) {
    expect([url, (await call(method, url, method === 'GET' ? undefined : {})).status]).toEqual([url, 404]);
  }
  expect(await ready()).toEqual([['1']]);
  await proxy!.close();
  proxy = undefined;
  await expect(front({ apiKeys: { text: keyLine('web', web) } })).rejects.toThrow(
    'need an API key with the admin scope',
  );
});

/** The bytes of a tensor of the example's weights. */
async function tensorBytes(name: string): Promise<Buffer> {
  const bytes = await readFile(join(root, 'examples/simple_net/weights.safetensors'));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const [from, to] = JSON.parse(bytes.toString('utf8', 8, start))[name].data_offsets as [number, number];
  return bytes.subarray(start + from, start + to);
}
