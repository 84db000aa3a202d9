import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConchError } from '../base/index.ts';
import { createProxyApp, type ProxyAppOptions } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from './fake-client.ts';

let app: FastifyInstance;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await app.close();
});

async function proxy(server: FakeServer, options: Partial<ProxyAppOptions> = {}) {
  let catalog!: ModelCatalog;
  app = await createProxyApp({
    client: fakeClient(server),
    maxEventLoopDelayMs: false,
    ...options,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await vi.advanceTimersByTimeAsync(0);
  return catalog;
}

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const get = (url: string) => app.inject({ url });
const ask = () => app.inject({ method: 'POST', url: '/models/simple_net', payload: { x: ten } });

test('the proxy starts before its server: alive, not ready, and ready once the server is', async () => {
  const server = { ...fakeServer(exampleModels()), reachable: false };
  const catalog = await proxy(server);
  expect((await get('/health')).json()).toEqual({ status: 'ok' });
  const down = await get('/healthz');
  expect([down.statusCode, down.json(), down.headers['retry-after']]).toEqual([
    503,
    { status: 'not ready', reason: 'the server cannot be reached' },
    '1',
  ]);
  const early = await ask();
  expect([early.statusCode, early.json().error]).toEqual([503, 'the inference server cannot be reached']);

  server.reachable = true;
  server.ready = false;
  server.models = {
    simple_net: { ...exampleModels().simple_net!, state: { name: 'simple_net', version: '1', state: 'LOADING' } },
  };
  await vi.advanceTimersByTimeAsync(6000);
  expect((await get('/healthz')).json().reason).toBe('the server is not ready; not ready: simple_net');
  expect((await ask()).json()).toMatchObject({
    error: "model 'simple_net' is not ready: LOADING",
    code: 'MODEL_NOT_READY',
  });

  server.ready = true;
  server.models = exampleModels();
  const waiting = catalog.whenReady();
  await vi.advanceTimersByTimeAsync(6000);
  await waiting;
  expect((await get('/healthz')).json()).toEqual({
    status: 'ready',
    models: ['finbert', 'finbert-model', 'finbert-tokenizer', 'simple_net'],
  });
  expect((await ask()).json()).toEqual({ prediction: 55 });
});

test('a ready server is left alone; one that is not is asked with growing pauses', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  const { index } = server.calls;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(server.calls.index).toBe(index);
  await app.close();

  const waiting = { ...fakeServer({}), reachable: false };
  await proxy(waiting);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(waiting.calls.isReady).toBeGreaterThan(12);
  expect(waiting.calls.isReady).toBeLessThan(25);
});

test('models that are ready are offered although another one keeps the server from being ready', async () => {
  const server = { ...fakeServer(exampleModels()), ready: false };
  server.models.broken = {
    ...server.models.simple_net!,
    state: { name: 'broken', version: '1', state: 'UNAVAILABLE', reason: 'file /srv/models/broken is bad' },
  };
  await proxy(server);
  expect((await ask()).statusCode).toBe(200);
  const broken = await app.inject({ method: 'POST', url: '/models/broken', payload: {} });
  expect(broken.json().error).toBe("model 'broken' is not ready: UNAVAILABLE");
  expect((await get('/healthz')).json().reason).toBe('the server is not ready; not ready: broken');
});

test('a model that is loaded later is found by the request for it, and asking often does not flood the server', async () => {
  const server = fakeServer({});
  await proxy(server);
  await vi.advanceTimersByTimeAsync(2000);
  expect((await ask()).json().error).toBe("no model 'simple_net'; the server has none ready");
  const { index } = server.calls;
  for (let count = 0; count < 50; count++) await ask();
  expect(server.calls.index).toBe(index);
  server.models = exampleModels();
  await vi.advanceTimersByTimeAsync(2000);
  expect((await ask()).statusCode).toBe(200);
});

test('a server that goes down and comes back with another model is followed', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  server.reachable = false;
  expect((await ask()).statusCode).toBe(503);
  await vi.advanceTimersByTimeAsync(2000);
  expect((await get('/healthz')).statusCode).toBe(503);
  expect((await ask()).json().code).toBe('SERVER_UNREACHABLE');

  server.reachable = true;
  server.models.simple_net!.config.input![0]!.dims = [2];
  await vi.advanceTimersByTimeAsync(6000);
  expect((await get('/healthz')).statusCode).toBe(200);
  expect((await ask()).json().error).toBe('x: expected a list of 2 numbers, got a list of 10');
});

test('a server that stops being ready is noticed by the health route', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  expect((await get('/healthz')).statusCode).toBe(200);
  server.ready = false;
  expect((await get('/healthz')).json().reason).toBe('the server is not ready');
  server.ready = true;
  expect((await get('/healthz')).statusCode).toBe(200);
});

test('a server that restricts its index still serves models that were named', async () => {
  const server = fakeServer(exampleModels());
  const client = fakeClient(server);
  client.index = async () => {
    throw new ConchError('SERVER_ERROR', 'restricted', { status: 'INVALID_ARG' });
  };
  await proxy(server, { client });
  expect((await get('/healthz')).json().reason).toBe('the server did not tell its models');
  await app.close();
  await proxy(server, { client, models: ['simple_net', 'gone'] });
  expect((await ask()).statusCode).toBe(200);
  const gone = await app.inject({ method: 'POST', url: '/models/gone', payload: {} });
  expect([gone.statusCode, gone.json().error]).toEqual([404, "Request for unknown model: 'gone' is not found"]);
});

test('a health check of a server that hangs does not hang', async () => {
  const server = fakeServer(exampleModels());
  const client = fakeClient(server);
  await proxy(server, { client });
  client.isReady = (signal) =>
    new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(new ConchError('REQUEST_CANCELLED', 'x'))),
    );
  const asked = get('/healthz');
  await vi.advanceTimersByTimeAsync(5000);
  expect((await asked).json()).toEqual({ status: 'not ready', reason: 'the server cannot be reached' });
});

test('waiting for readiness ends with the signal and with the proxy', async () => {
  const catalog = await proxy({ ...fakeServer({}), reachable: false });
  const stop = new AbortController();
  const first = catalog.whenReady(stop.signal);
  const second = catalog.whenReady();
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  const closing = expect(second).rejects.toThrow('the proxy is closing');
  await app.close();
  await closing;
});
