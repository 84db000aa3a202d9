import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { createProxyApp, type ProxyAppOptions } from '../app.ts';
import type { ModelCatalog } from '../catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { KeyRing, keyLine, makeKey, parseKeys } from './keys.ts';
import { ProxyMetrics } from './metrics.ts';
import { serveMetrics } from './metrics-endpoint.ts';
import { serverTiming } from './timing.ts';

let app: FastifyInstance;
afterEach(() => app?.close());

async function proxy(options: Partial<ProxyAppOptions> = {}, server: FakeServer = fakeServer(exampleModels())) {
  let catalog!: ModelCatalog;
  const metrics = new ProxyMetrics();
  const client = fakeClient(server);
  app = await createProxyApp({
    client,
    metrics,
    maxEventLoopDelayMs: false,
    ...options,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
  return metrics;
}

const ask = (model: string, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: `/models/${model}`, payload: payload as object, headers });
const x = Array(10).fill(1);

/** The samples of one metric, by their labels as text. */
async function samples(metrics: ProxyMetrics, name: string): Promise<Record<string, number>> {
  const lines = (await metrics.text())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return Object.fromEntries(
    lines.map((line) => {
      const [, labels = '', value] = /^[^{ ]+(?:\{(.*)\})? (\S+)$/.exec(line)!;
      return [labels.replaceAll('"', ''), Number(value)];
    }),
  );
}

test('requests are counted by route, model and status; names that are made up leave no trace', async () => {
  const metrics = await proxy();
  await ask('simple_net', { x: [x, x, x] });
  await ask('simple_net', { x: [1] });
  for (let index = 0; index < 3; index++) await ask(`made-up-${index}`, { x });
  await app.inject({ url: '/health' });
  for (let index = 0; index < 2; index++) await app.inject({ url: `/nowhere/${index}` });
  expect(await samples(metrics, 'conch_proxy_requests_total')).toEqual({
    'route=/models/:name,model=simple_net,status=200': 1,
    'route=/models/:name,model=simple_net,status=400': 1,
    'route=/models/:name,model=,status=404': 3,
    'route=/health,model=,status=200': 1,
    'route=,model=,status=404': 2,
  });
  expect(await samples(metrics, 'conch_proxy_items_total')).toEqual({ 'model=simple_net': 3 });
  expect(await metrics.text()).not.toContain('made-up');
});

test('latencies are histograms: buckets that add up, a count and a sum', () => {
  const metrics = new ProxyMetrics();
  const answer = { route: '/models/:name', status: 200, model: 'm', version: '2' };
  metrics.answered({ ...answer, totalMs: 0.4, inferMs: 0.3, queueMs: 0.05, tokenizeMs: 0.01 });
  metrics.answered({ ...answer, totalMs: 40_000, inferMs: 20 });
  return metrics.text().then((text) => {
    const total = 'conch_proxy_request_duration_seconds';
    const labels = 'route="/models/:name",model="m",status="200"';
    expect(text).toContain(`${total}_bucket{le="0.0005",${labels}} 1\n`);
    expect(text).toContain(`${total}_bucket{le="30",${labels}} 1\n`);
    expect(text).toContain(`${total}_bucket{le="+Inf",${labels}} 2\n`);
    expect(text).toContain(`${total}_sum{${labels}} 40.0004\n`);
    expect(text).toContain('conch_proxy_infer_duration_seconds_bucket{le="0.025",model="m",version="2"} 2\n');
    expect(text).toContain('conch_proxy_queue_duration_seconds_count{model="m"} 1\n');
    expect(text).toContain('conch_proxy_tokenize_duration_seconds_count{model="m"} 1\n');
  });
});

test('what is in flight goes up and down, also when a client hangs up', async () => {
  const { simple_net } = exampleModels();
  const server = fakeServer({ simple_net: { ...simple_net!, run: () => new Promise(() => {}) } });
  const metrics = await proxy({ timeoutMs: 60_000 }, server);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connectSocket((app.server.address() as AddressInfo).port, '127.0.0.1');
  const body = JSON.stringify({ x });
  socket.write(
    `POST /models/simple_net HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  metrics.countQueue(() => 7);
  const gauges = async () => [
    await samples(metrics, 'conch_proxy_requests_in_flight'),
    await samples(metrics, 'conch_proxy_requests_queued'),
  ];
  expect(await gauges()).toEqual([{ '': 1 }, { '': 7 }]);
  socket.destroy();
  await once(server.requests[0]!.signal!, 'abort');
  await vi.waitFor(async () => expect(await gauges()).toEqual([{ '': 0 }, { '': 7 }]));
});

test('where there are keys, metrics are for admins, and tell how much each key asks', async () => {
  const [web, ops] = [makeKey(), makeKey()];
  const keys = new KeyRing(parseKeys(`${keyLine('web', web)};${keyLine('ops', ops, { admin: true })}`, 'keys'));
  const metrics = await proxy({ keys });
  await ask('simple_net', { x }, { 'x-api-key': web });
  const get = (headers: Record<string, string>) => app.inject({ url: '/metrics', headers });
  expect((await get({})).statusCode).toBe(401);
  expect((await get({ 'x-api-key': web })).statusCode).toBe(403);
  // Browsers send a password along with requests that other sites make.
  expect((await get({ authorization: `Basic ${Buffer.from(`a:${ops}`).toString('base64')}` })).statusCode).toBe(401);
  const { statusCode, headers, body } = await get({ authorization: `Bearer ${ops}` });
  expect([statusCode, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(body).toContain('conch_proxy_key_requests_total{key="web",status="200"} 1');
  expect(await samples(metrics, 'conch_proxy_key_requests_total')).toEqual({ 'key=web,status=200': 1 });
});

test('metrics can have a port of their own, which has nothing else', async () => {
  const metrics = new ProxyMetrics({ process: true });
  const { port, close } = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
  const answer = await get('/metrics?x=1');
  expect(await answer.text()).toMatch(/# TYPE conch_proxy_request_duration_seconds histogram[\s\S]*process_cpu/);
  expect([(await get('/')).status, (await get('/metrics', 'POST')).status]).toEqual([404, 405]);
  await close();
  await expect(get('/metrics')).rejects.toThrow();
});

test('an answer tells where its time went', async () => {
  await proxy();
  const { headers } = await ask('simple_net', { x });
  expect(headers['server-timing']).toMatch(/^(queue;dur=[\d.]+, )?infer;dur=[\d.]+, total;dur=[\d.]+$/);
  expect(serverTiming({ queueMs: 1.23456, tokenizeMs: 0, inferMs: 2 }, 4)).toBe(
    'queue;dur=1.235, tokenize;dur=0, infer;dur=2, total;dur=4',
  );
});
