import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { createProxyApp } from '../app.ts';
import type { ModelCatalog } from '../catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';

let app: FastifyInstance;
let catalog: ModelCatalog;
afterEach(async () => {
  vi.useRealTimers();
  await app?.close();
});

async function proxy(server: FakeServer, watchMs?: number): Promise<void> {
  app = await createProxyApp({
    maxEventLoopDelayMs: false,
    client: fakeClient(server),
    cache: { maxBytes: 1 << 20, maxEntries: 1000 },
    ...(watchMs !== undefined && { watchMs }),
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
  server.requests.length = 0;
}

const post = async (url: string, payload: object) => {
  const { statusCode, headers, body } = await app.inject({ method: 'POST', url, payload });
  return { status: statusCode, cached: headers['x-conch-cached'], body: JSON.parse(body) };
};
const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const eleven = ten.map((value) => value + 1);

test('what was answered once is not asked again, item by item', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  const first = await post('/models/simple_net', { x: ten });
  expect([first.cached, first.body]).toEqual(['0', { prediction: 55 }]);
  const again = await post('/models/simple_net', { x: ten });
  expect([again.cached, again.body]).toEqual(['1', { prediction: 55 }]);
  const mixed = await post('/models/simple_net', { x: [eleven, ten, eleven] });
  expect([mixed.cached, mixed.body]).toEqual(['2', [{ prediction: 65 }, { prediction: 55 }, { prediction: 65 }]]);
  expect(server.requests.map(({ inputs }) => inputs[0]!.shape)).toEqual([
    [1, 10],
    [1, 10],
  ]);
});

test('texts are told apart from each other, and models from models', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  await post('/models/finbert', { text: ['a', 'ab'] });
  await post('/models/finbert-tokenizer', { text: ['a', 'ab'] });
  const { body } = await post('/models/finbert', { text: ['ab', 'a'] });
  expect(body.map(({ logits }: { logits: number[] }) => logits[0])).toEqual([2, 1]);
  expect(server.requests).toHaveLength(2);
});

/** A server whose simple_net answers when told to. */
function held() {
  const { simple_net } = exampleModels();
  const waiting: (() => void)[] = [];
  let wake: (() => void) | undefined;
  const server = fakeServer({
    simple_net: {
      ...simple_net!,
      run: async (inputs, request) => {
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          request.signal?.addEventListener('abort', () => reject(request.signal!.reason));
          wake?.();
        });
        return simple_net!.run(inputs, request);
      },
    },
  });
  const arrived = async () => {
    if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return waiting.shift()!;
  };
  return { server, arrived };
}

test('the same item asked for at once is one inference', async () => {
  const { server, arrived } = held();
  await proxy(server);
  const answers = Promise.all(Array.from({ length: 5 }, () => post('/models/simple_net', { x: ten })));
  (await arrived())();
  for (const { status, body } of await answers) expect([status, body]).toEqual([200, { prediction: 55 }]);
  expect(server.requests).toHaveLength(1);
});

test('a failure is not kept', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  server.reachable = false;
  expect((await post('/models/simple_net', { x: ten })).status).toBe(503);
  server.reachable = true;
  expect((await post('/models/simple_net', { x: ten })).body).toEqual({ prediction: 55 });
});

test('a model that is loaded again is asked again', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  await post('/models/simple_net', { x: ten });
  server.models.simple_net!.versions = ['2'];
  await catalog.refresh();
  expect((await post('/models/simple_net', { x: ten })).cached).toBe('0');
  // In place: the version is the same, the configuration is not.
  server.models.simple_net!.config = { ...server.models.simple_net!.config, max_batch_size: 2 };
  await catalog.refresh();
  expect((await post('/models/simple_net', { x: ten })).cached).toBe('0');
  await catalog.refresh();
  expect((await post('/models/simple_net', { x: ten })).cached).toBe('1');
});

test('the step of an ensemble that is loaded again counts for the ensemble', async () => {
  const server = fakeServer(exampleModels());
  await proxy(server);
  await post('/models/finbert', { text: 'a' });
  server.models['finbert-model']!.versions = ['2'];
  await catalog.refresh();
  expect((await post('/models/finbert', { text: 'a' })).cached).toBe('0');
});

test('the server is looked at without a request to cause it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const server = fakeServer(exampleModels());
  await proxy(server, 500);
  server.models.other = exampleModels().simple_net!;
  expect(catalog.get('other')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(600);
  await vi.waitFor(() => expect(catalog.get('other')).toBeDefined());
});

test('a model whose requests are shared out between versions is always asked', async () => {
  const server = fakeServer(exampleModels());
  app = await createProxyApp({
    maxEventLoopDelayMs: false,
    client: fakeClient(server),
    cache: { maxBytes: 1 << 20, maxEntries: 1000 },
    isRouted: (model) => model === 'simple_net',
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
  server.requests.length = 0;
  for (let time = 0; time < 2; time++) {
    expect((await post('/models/simple_net', { x: ten })).cached).toBeUndefined();
    await post('/models/finbert-tokenizer', { text: 'a' });
  }
  expect(server.requests.map(({ model }) => model)).toEqual(['simple_net', 'finbert-tokenizer', 'simple_net']);
});
