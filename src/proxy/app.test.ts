import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { ConchError } from '../base/index.ts';
import { createProxyApp, type ProxyAppOptions } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from './fake-client.ts';
import { conchProxy } from './plugin.ts';

let app: FastifyInstance | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await app?.close();
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
  if (server.ready && server.reachable) await catalog.whenReady();
  return { app, catalog };
}

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const json = { 'content-type': 'application/json' };
const send = (app: FastifyInstance, payload: string | Buffer, headers: Record<string, string> = json) =>
  app.inject({ method: 'POST', url: '/models/simple_net', headers, payload });
const ask = (app: FastifyInstance) => send(app, JSON.stringify({ x: ten }));

/** A server whose simple_net does as told at each request. */
function scripted(run: FakeServer['models'][string]['run']): FakeServer {
  const { simple_net } = exampleModels();
  return fakeServer({ simple_net: { ...simple_net!, run } });
}

test.each<[string, string | Buffer, Record<string, string>, number, string]>([
  ['cut off', '{"x": [1, 2', json, 400, "the body is not valid JSON: Expected ',' or ']' after array element"],
  ['trailing', '{"x": 1} x', json, 400, 'the body is not valid JSON: Unexpected non-whitespace character'],
  ['NaN', '{"x": [NaN]}', json, 400, "the body is not valid JSON: Unexpected token 'N'"],
  ['empty', '', json, 400, 'the body is empty; expected JSON'],
  ['prototype', '{"x": [], "__proto__": {"a": 1}}', json, 400, "body: fields named '__proto__' or 'constructor.protot"],
  ['constructor', '{"constructor": {"prototype": {}}}', json, 400, "body: fields named '__proto__' or 'constructor.pr"],
  ['not UTF-8', Buffer.from('{"x": "\xff"}', 'latin1'), json, 400, 'the body is not valid UTF-8'],
  ['text', 'x=1', { 'content-type': 'text/plain' }, 415, 'the body must be JSON'],
  ['form', 'x=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'the body must be JSON'],
  ['untyped', '{}', {}, 415, 'the body must be JSON'],
  ['short length', '{}', { ...json, 'content-length': '5' }, 400, 'the body is not as long as its content-length'],
  ['deep', `{"x": ${'['.repeat(400_000)}${']'.repeat(400_000)}}`, json, 400, 'x: expected a list of 10 numbers, or a'],
  ['deep unknown', `{"y": ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, json, 400, "body: unknown field 'y'"],
  ['long key', `{"${'k'.repeat(5000)}": 1}`, json, 400, `body: unknown field '${'k'.repeat(60)}…'`],
  ['huge', `{"x": [${'1,'.repeat(600_000)}1]}`, json, 413, 'the body is larger than 1048576 bytes'],
])('a body that is %s is refused', async (_name, payload, headers, status, error) => {
  const { app } = await proxy(fakeServer(exampleModels()));
  const response = await send(app, payload, headers);
  expect([response.statusCode, response.json().error.slice(0, error.length)]).toEqual([status, error]);
  expect(response.body).not.toContain('node_modules');
  expect(({} as { a?: number }).a).toBeUndefined();
  expect((await ask(app)).statusCode).toBe(200);
});

test('limits on items and characters are named', async () => {
  const limits = { itemsPerRequest: 2, charactersPerText: 5 };
  const { app } = await proxy(fakeServer(exampleModels()), { limits });
  const text = async (value: unknown) => {
    const response = await app.inject({ method: 'POST', url: '/models/finbert-tokenizer', payload: { text: value } });
    return [response.statusCode, response.json().error];
  };
  expect(await text(['a', 'b', 'c'])).toEqual([400, 'text: at most 2 items a request, got 3']);
  expect(await text(['a', 'abcdef'])).toEqual([400, 'text[1]: at most 5 characters a text, got 6']);
  expect(await text('a'.repeat(11))).toEqual([400, 'text: at most 5 characters a text, got more than 5']);
  expect(await text('😀😀😀😀😀')).toEqual([200, undefined]);
});

test.each([0, -1, 1.5, Number.NaN])('a limit of %d is a mistake', async (bodyBytes) => {
  const options = { client: fakeClient(fakeServer({})), limits: { bodyBytes } };
  await expect(createProxyApp(options)).rejects.toThrow(
    `limit bodyBytes: expected a positive integer, got ${bodyBytes}`,
  );
});

test('routes and methods that do not exist are answered in the same form', async () => {
  const { app } = await proxy(fakeServer(exampleModels()));
  const get = await app.inject({ url: '/v2/models?a=1' });
  expect([get.statusCode, get.json()]).toEqual([
    404,
    { error: 'no route GET /v2/models; see /docs', code: 'REQUEST_INVALID', requestId: get.headers['x-request-id'] },
  ]);
  const put = await app.inject({ method: 'PUT', url: '/models/simple_net', payload: 'x', headers: json });
  expect([put.statusCode, put.json().error, put.headers.allow]).toEqual([
    405,
    'PUT is not for this route, which takes GET, HEAD, POST',
    'GET, HEAD, POST',
  ]);
  for (const url of ['/health', '/healthz', '/models', '/models/simple_net']) {
    for (const method of ['TRACE', 'QUERY', 'DELETE', 'PATCH'] as const) {
      const other = await app.inject({ method: method as 'PATCH', url });
      expect([url, method, other.statusCode]).toEqual([url, method, 405]);
    }
    expect((await app.inject({ method: 'HEAD', url })).statusCode).toBe(200);
  }
  const typed = { 'content-type': 'text/xml' };
  expect((await app.inject({ method: 'POST', url: '/nothing', headers: typed, payload: '<x/>' })).statusCode).toBe(404);
  const bad = await app.inject({ method: 'POST', url: '/models/%zz', payload: {} });
  expect([bad.statusCode, bad.json().error]).toEqual([400, 'the path is not a valid URL path']);
  const long = await app.inject({ method: 'POST', url: `/models/${'a'.repeat(400)}`, payload: {} });
  expect([long.statusCode, long.json().error]).toEqual([414, 'the path is too long']);
  const encoded = await app.inject({ method: 'POST', url: '/models/..%2F..%2Fetc', payload: {} });
  expect([encoded.statusCode, encoded.json().code]).toEqual([404, 'MODEL_NOT_FOUND']);
});

test('a request id is taken over when it is harmless, made up when not, and passed to the server', async () => {
  const server = fakeServer(exampleModels());
  const { app } = await proxy(server);
  const kept = await send(app, JSON.stringify({ x: ten }), { ...json, 'x-request-id': 'order-7:a.b_c' });
  expect(kept.headers['x-request-id']).toBe('order-7:a.b_c');
  expect(server.requests.at(-1)!.id).toBe('order-7:a.b_c');
  for (const id of ['a b', 'a\u00e4', '', 'x'.repeat(129), '{"a"}']) {
    const made = await send(app, JSON.stringify({ x: ten }), { ...json, 'x-request-id': id });
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('an answer says how long it took, and by which version', async () => {
  const { app } = await proxy(fakeServer(exampleModels()));
  const { headers } = await ask(app);
  expect(headers['x-conch-model-version']).toBe('1');
  expect(Number(headers['x-conch-time-infer'])).toBeGreaterThanOrEqual(0);
  expect(Number(headers['x-conch-time-total'])).toBeGreaterThanOrEqual(Number(headers['x-conch-time-infer']));
});

test('logs tell the request, never what was in it', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const server = fakeServer(exampleModels());
  const { app } = await proxy(server, { logger });
  await app.inject({ method: 'POST', url: '/models/finbert-tokenizer?q=secret', payload: { text: 'secret' } });
  await app.inject({ method: 'POST', url: '/models/finbert', payload: '{"secret', headers: json });
  await app.inject({ method: 'POST', url: '/models/finbert', payload: { text: ['secret', 1] } });
  await app.inject({ url: '/health' });
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
  expect(
    requests.map(({ level, route, status, model, items, code }) => [level, route, status, model, items, code]),
  ).toEqual([
    [30, '/models/:name', 200, 'finbert-tokenizer', 1, undefined],
    [30, '/models/:name', 400, undefined, undefined, 'REQUEST_MALFORMED'],
    [30, '/models/:name', 400, undefined, undefined, 'REQUEST_INVALID'],
    [20, '/health', 200, undefined, undefined, undefined],
  ]);
  expect(lines.join('')).not.toContain('secret');
});

test('beyond the limit of concurrent requests the answer is 429 at once, and room comes back', async () => {
  const release: (() => void)[] = [];
  const base = exampleModels().simple_net!;
  const server = scripted(async (inputs, request) => {
    await new Promise<void>((resolve) => release.push(resolve));
    return base.run(inputs, request);
  });
  const { app } = await proxy(server, { limits: { concurrentRequests: 3 } });
  const held = [ask(app), ask(app), ask(app)];
  await vi.waitFor(() => expect(release).toHaveLength(3));
  const refused = await Promise.all(Array.from({ length: 20 }, () => ask(app)));
  for (const response of refused) {
    expect([response.statusCode, response.headers['retry-after'], response.json().error]).toEqual([
      429,
      '1',
      'the proxy is at its limit of 3 requests at once',
    ]);
  }
  for (const free of release) free();
  expect((await Promise.all(held)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  const next = ask(app);
  await vi.waitFor(() => expect(release).toHaveLength(4));
  release[3]!();
  expect((await next).statusCode).toBe(200);
});

test('an answer that takes too long is 504, and the inference is cancelled', async () => {
  let signal: AbortSignal | undefined;
  const server = scripted((_inputs, request) => {
    signal = request.signal;
    return new Promise(() => {});
  });
  const { app } = await proxy(server, { timeoutMs: 20 });
  const response = await ask(app);
  expect([response.statusCode, response.json().error]).toEqual([504, 'no answer within 20 ms']);
  expect(signal!.aborted).toBe(true);
});

test('a client that hangs up cancels its inference', async () => {
  let started!: (signal: AbortSignal) => void;
  const running = new Promise<AbortSignal>((resolve) => (started = resolve));
  const server = scripted((_inputs, request) => {
    started(request.signal!);
    return new Promise(() => {});
  });
  const { app } = await proxy(server);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connectSocket((app.server.address() as AddressInfo).port, '127.0.0.1');
  const body = JSON.stringify({ x: ten });
  socket.write(
    `POST /models/simple_net HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const signal = await running;
  socket.destroy();
  if (!signal.aborted) await once(signal, 'abort');
  expect(signal.reason.message).toBe('the client hung up');
});

test.each<[string, unknown, number, string, string | undefined]>([
  [
    'refuses',
    new ConchError('SERVER_ERROR', 'unexpected shape', { status: 'INVALID_ARG' }),
    400,
    'unexpected shape',
    undefined,
  ],
  ['lost the model', new ConchError('SERVER_ERROR', 'unknown', { status: 'NOT_FOUND' }), 404, 'unknown', undefined],
  [
    'is busy',
    new ConchError('SERVER_ERROR', 'Exceeds maximum queue size', { status: 'UNAVAILABLE' }),
    429,
    'Exceeds maximum queue size',
    '1',
  ],
  ['stops', new ConchError('SERVER_ERROR', 'stopping', { status: 'UNAVAILABLE' }), 503, 'stopping', '1'],
  ['cancels', new ConchError('SERVER_ERROR', 'cancelled', { status: 'CANCELLED' }), 503, 'cancelled', '1'],
  ['cannot', new ConchError('SERVER_ERROR', 'not built in', { status: 'UNSUPPORTED' }), 501, 'not built in', undefined],
  [
    'fails',
    new ConchError('SERVER_ERROR', 'http://10.1.2.3:8000 answered 500 to POST /v2/x: onnx failed', {
      status: 'INTERNAL',
    }),
    502,
    'the inference server answered 500 to POST /v2/x: onnx failed',
    undefined,
  ],
  ['is odd', new ConchError('SERVER_ERROR', 'what', { status: 'UNKNOWN' }), 502, 'what', undefined],
  [
    'is gone',
    new ConchError('SERVER_UNREACHABLE', 'ECONNREFUSED 10.1.2.3:8000'),
    503,
    'the inference server cannot be reached',
    '1',
  ],
  ['meets a defect', new TypeError('/root/secret.ts: x is not a function'), 500, 'internal error', undefined],
  ['throws a text', 'boom at /root/secret.ts', 500, 'internal error', undefined],
])('a server that %s', async (_name, thrown, status, error, retryAfter) => {
  const server = scripted(() => Promise.reject(thrown));
  const { app } = await proxy(server);
  const response = await ask(app);
  expect([response.statusCode, response.json().error, response.headers['retry-after']]).toEqual([
    status,
    error,
    retryAfter,
  ]);
  expect(response.body).not.toMatch(/secret|10\.1\.2\.3|\bat \//);
});

test('one failing part of a large request stops the others', async () => {
  const signals: AbortSignal[] = [];
  const server = scripted((_inputs, request) => {
    signals.push(request.signal!);
    if (signals.length === 2) throw new ConchError('SERVER_ERROR', 'no', { status: 'INVALID_ARG' });
    return new Promise(() => {});
  });
  const { app } = await proxy(server);
  const response = await send(app, JSON.stringify({ x: Array(20).fill(ten) }));
  expect(response.statusCode).toBe(400);
  expect(signals.map(({ aborted }) => aborted)).toEqual(signals.map(() => true));
});

test('rate limits, when asked for, spare the health routes', async () => {
  const { app } = await proxy(fakeServer(exampleModels()), { rateLimit: { max: 2, windowMs: 60_000 } });
  expect((await ask(app)).statusCode).toBe(200);
  expect((await ask(app)).statusCode).toBe(200);
  const third = await ask(app);
  expect([third.statusCode, third.json().error]).toEqual([429, 'more than 2 requests; try again in 1 minute']);
  expect(third.headers['retry-after']).toBeDefined();
  expect((await app.inject({ url: '/health' })).statusCode).toBe(200);
  expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
});

test('security headers are set', async () => {
  const { app } = await proxy(fakeServer(exampleModels()));
  const { headers } = await ask(app);
  expect(headers).toMatchObject({
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
  });
  expect(headers['x-powered-by']).toBeUndefined();
});

test('bytes that are not HTTP get an answer, and the proxy lives on', async () => {
  const { app } = await proxy(fakeServer(exampleModels()));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const exchange = async (bytes: string) => {
    const socket = connectSocket(port, '127.0.0.1');
    socket.write(bytes);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return answer;
  };
  expect(await exchange('\x16\x03\x01hello\r\n\r\n')).toContain('this is not an HTTP request');
  expect(await exchange(`GET / HTTP/1.1\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`)).toContain('the headers are too large');
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
});

test('the plugin works below a prefix in an app of one’s own', async () => {
  app = Fastify();
  let catalog!: ModelCatalog;
  app.post('/mine', async ({ body }) => ({ body }));
  const client = fakeClient(fakeServer(exampleModels()));
  await app.register(conchProxy, { prefix: '/ml', client, onCatalog: (created) => (catalog = created) });
  await app.ready();
  await catalog.whenReady();
  const url = '/ml/models/simple_net';
  expect((await app.inject({ method: 'POST', url, payload: { x: ten } })).json()).toEqual({ prediction: 55 });
  expect(
    (
      await app.inject({ method: 'POST', url: '/mine', payload: 'text', headers: { 'content-type': 'text/plain' } })
    ).json(),
  ).toEqual({ body: 'text' });
  expect((await app.inject({ url: '/ml/models' })).json().models[3].route).toBe(url);
  expect(Object.keys((await app.inject({ url: '/ml/openapi.json' })).json().paths)).toContain(url);
  expect((await app.inject({ url: '/ml/docs' })).body).toContain('data-path="models/simple_net"');
});
