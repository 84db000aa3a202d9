import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../base/index.ts';
import { compileDeployment, loadDeployment } from '../compile/index.ts';
import { type RunningServer, startServer } from '../server/index.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from './index.ts';

// The proxy over real sockets, in front of the embedded server with the example models.
const root = resolve(import.meta.dirname, '../..');
let folder: string;
let server: RunningServer;
let proxy: RunningProxy | undefined;

const serve = (httpPort = 0) => startServer({ repository: folder, httpPort, metricsPort: false });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-'));
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), { repository: folder });
  server = await serve();
}, 60_000);
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});
afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function front(options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
  proxy = await startProxy({ server: server.url, port: 0, logger: createLogger('silent'), ...options });
  return proxy;
}

async function post(path: string, body: unknown) {
  const response = await fetch(`${proxy!.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as never };
}

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

test('every model of the examples answers, each text as it does alone', async () => {
  const { whenReady, url } = await front();
  await whenReady();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const text = Array.from(
    { length: 70 },
    (_, index) => `Profit ${'rose and '.repeat(index % 7)}fell by ${index} percent.`,
  );
  const all = (await post('/models/finbert', { text })).body as { logits: number[]; label: string }[];
  expect(all).toHaveLength(70);
  for (const index of [0, 33, 69]) {
    const alone = (await post('/models/finbert', { text: text[index] })).body as { logits: number[]; label: string };
    expect(alone.label).toBe(all[index]!.label);
    for (const [at, logit] of alone.logits.entries()) expect(all[index]!.logits[at]).toBeCloseTo(logit, 4);
  }
  const tokens = (await post('/models/finbert-tokenizer', { text: text[0] })).body as Record<string, number[]>;
  const logits = (await post('/models/finbert-model', tokens)).body as { logits: number[] };
  for (const [at, logit] of logits.logits.entries()) expect(all[0]!.logits[at]).toBeCloseTo(logit, 4);
  const simple = (await post('/models/simple_net', { x: [ten, ten] })).body as { prediction: number }[];
  expect(simple[0]!.prediction).toBeTypeOf('number');
  expect(simple[1]).toEqual(simple[0]);
});

test('unusual texts are answered like any other', async () => {
  await (await front()).whenReady();
  const text = [
    '',
    ' ',
    '\u0000',
    '\ufeff',
    '😀'.repeat(500),
    'a'.repeat(20_000),
    '漢'.repeat(3000),
    '\u202e\u200b',
    '[MASK] [SEP]',
  ];
  const { status, body } = await post('/models/finbert', { text });
  expect(status).toBe(200);
  for (const { scores } of body as { scores: Record<string, number> }[]) {
    expect(Object.values(scores).reduce((sum, score) => sum + score)).toBeCloseTo(1, 9);
  }
});

test('what the model refuses comes back as the client’s mistake, without the server’s address', async () => {
  await (await front()).whenReady();
  const huge = { input_ids: [1e9], attention_mask: [1], token_type_ids: [0] };
  const { status, body } = await post('/models/finbert-model', huge);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(body)).not.toContain(server.url);
  expect((await post('/models/simple_net', { x: ten })).status).toBe(200);
});

test('a flood is answered with 200 and 429, and nothing else', async () => {
  await (await front({ limits: { concurrentRequests: 8 } })).whenReady();
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => post('/models/finbert', { text: 'Sales grew.' })),
  );
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].filter((status) => status !== 200 && status !== 429)).toEqual([]);
  expect(statuses).toContain(200);
  expect((await post('/models/finbert', { text: 'Sales grew.' })).status).toBe(200);
});

test('the proxy survives its server: started before it, during its absence, and after it came back', async () => {
  const own = await serve();
  const port = own.httpPort;
  await own.close();
  const { whenReady, url } = await front({ server: `http://127.0.0.1:${port}` });
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect((await fetch(`${url}/healthz`)).status).toBe(503);
  expect((await post('/models/simple_net', { x: ten })).status).toBe(503);

  const first = await serve(port);
  await whenReady();
  expect((await post('/models/simple_net', { x: ten })).status).toBe(200);
  const flood = Array.from({ length: 40 }, () => post('/models/finbert', { text: 'Sales grew.' }));
  await first.close();
  for (const { status } of await Promise.all(flood)) expect([200, 503]).toContain(status);
  const gone = await post('/models/simple_net', { x: ten });
  expect([gone.status, gone.headers.get('retry-after')]).toEqual([503, '1']);
  expect((await fetch(`${url}/healthz`)).status).toBe(503);

  const second = await serve(port);
  await whenReady();
  expect((await post('/models/simple_net', { x: ten })).status).toBe(200);
  await proxy!.close();
  await second.close();
});

test('closing finishes what is in flight and then frees the port', async () => {
  const { whenReady, close, port } = await front();
  await whenReady();
  const inFlight = post('/models/finbert', { text: Array(60).fill('Sales grew in every region.') });
  await new Promise<void>((resolve) => {
    proxy!.app.server.once('request', () => resolve());
  });
  await close();
  expect((await inFlight).status).toBe(200);
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
  await close();
});

test('a port that is taken, and an address that cannot be had, are named', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  await expect(front({ port })).rejects.toThrow(`port ${port} on 127.0.0.1 is taken`);
  blocker.close();
  await expect(front({ host: '203.0.113.1' })).rejects.toThrow('cannot listen on 203.0.113.1, port 0: EADDRNOTAVAIL');
  await expect(front({ server: 'ftp://x' })).rejects.toThrow("'ftp://x'");
});
