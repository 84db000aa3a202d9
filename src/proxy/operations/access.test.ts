import { type AddressInfo, connect as connectSocket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createProxyApp, type ProxyAppOptions } from '../app.ts';
import type { ModelCatalog } from '../catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { KeyRing, keyLine, makeKey, parseKeys } from './keys.ts';

let app: FastifyInstance;
let server: FakeServer;
afterEach(() => app?.close());

async function proxy(options: Partial<ProxyAppOptions>) {
  let catalog!: ModelCatalog;
  server = fakeServer(exampleModels());
  app = await createProxyApp({
    client: fakeClient(server),
    maxEventLoopDelayMs: false,
    ...options,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
}

const key = makeKey();
const limited = makeKey();
let now = 0;
const ring = () =>
  new KeyRing(parseKeys(`${keyLine('web', key)}\n${keyLine('slow', limited, { rate: '2/min' })}`, 'keys'), () => now);
const ask = (headers: Record<string, string>) =>
  app.inject({ method: 'POST', url: '/models/simple_net', headers, payload: { x: Array(10).fill(1) } });
const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;

test.each<[string, Record<string, string>, number]>([
  ['no key', {}, 401],
  ['a bearer', { authorization: `Bearer ${key}` }, 200],
  ['a bearer in lower case', { authorization: `bearer ${key}` }, 200],
  ['a header of its own', { 'x-api-key': key }, 200],
  ['a password', { authorization: basic(key) }, 200],
  ['another key', { authorization: `Bearer ${makeKey()}` }, 401],
  ['a part of it', { 'x-api-key': key.slice(0, -1) }, 401],
  ['its hash', { 'x-api-key': keyLine('web', key).split('sha256:')[1]! }, 401],
  ['nothing behind the scheme', { authorization: 'Bearer ' }, 401],
  ['another scheme', { authorization: `Digest ${key}` }, 401],
  ['two keys in one header', { 'x-api-key': `${key}, ${key}` }, 401],
  ['a huge one', { 'x-api-key': 'k'.repeat(15_000) }, 401],
])('with %s', async (_name, headers, status) => {
  await proxy({ keys: ring() });
  const response = await ask(headers);
  expect([response.statusCode, response.json().code]).toEqual([status, status === 200 ? undefined : 'KEY_REQUIRED']);
  expect(server.requests.filter(({ model }) => model === 'simple_net')).toHaveLength(status === 200 ? 1 : 0);
  if (status === 401) expect(response.headers['www-authenticate']).toContain('Bearer');
});

test('only health is open; a path that does not exist tells nothing', async () => {
  await proxy({ keys: ring() });
  for (const url of ['/health', '/healthz']) expect((await app.inject({ url })).statusCode).toBe(200);
  for (const url of [
    '/',
    '/docs',
    '/openapi.json',
    '/models',
    '/nothing',
    '/health/../models',
    '//models',
    '/healthz/',
  ]) {
    expect([url, (await app.inject({ url })).statusCode]).toEqual([url, 401]);
  }
  expect((await app.inject({ url: '/models', headers: { 'x-api-key': key } })).statusCode).toBe(200);
});

test('a body is not read for somebody without a key', async () => {
  await proxy({ keys: ring() });
  const response = await app.inject({
    method: 'POST',
    url: '/models/simple_net',
    headers: { 'content-type': 'application/json' },
    payload: `"${'a'.repeat(2_000_000)}"`,
  });
  expect(response.statusCode).toBe(401);
});

test('smuggled and doubled headers are no way in', async () => {
  await proxy({ keys: ring() });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const exchange = async (head: string) => {
    const socket = connectSocket((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(head);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return answer.split('\r\n')[0];
  };
  const end = 'host: a\r\nconnection: close\r\n\r\n';
  const get = (headers: string) => exchange(`GET /models HTTP/1.1\r\n${headers}${end}`);
  expect(await get(`x-api-key: ${key}\r\n`)).toContain(' 200 ');
  // Of two the first counts, whoever added the second.
  expect(await get(`authorization: Bearer no\r\nauthorization: Bearer ${key}\r\n`)).toContain(' 401 ');
  expect(await get(`x-api-key: no\r\nx-api-key: ${key}\r\n`)).toContain(' 401 ');
  expect(await get(`x-api-key : ${key}\r\n`)).toContain(' 400 ');
  expect(await get(`x_api_key: ${key}\r\n`)).toContain(' 401 ');
  expect(await get(`x: y\r\n x-api-key: ${key}\r\n`)).toMatch(/ 40[01] /);
  const both = `content-length: 4\r\ntransfer-encoding: chunked\r\n${end}0\r\n\r\nGET /models HTTP/1.1\r\n${end}`;
  expect(await exchange(`POST /models/simple_net HTTP/1.1\r\nx-api-key: ${key}\r\n${both}`)).toContain(' 400 ');
});

test('a key has its own rate, and says when to come back', async () => {
  now = 0;
  await proxy({ keys: ring() });
  const slow = { 'x-api-key': limited };
  const first = await ask(slow);
  expect([first.statusCode, first.headers['x-ratelimit-remaining']]).toEqual([200, '1']);
  expect((await ask(slow)).statusCode).toBe(200);
  const third = await ask(slow);
  expect([third.statusCode, third.json().code, third.headers['retry-after']]).toEqual([429, 'RATE_LIMITED', '30']);
  expect((await ask({ 'x-api-key': key })).statusCode).toBe(200);
  now = 30_000;
  expect((await ask(slow)).statusCode).toBe(200);
});

test('logs tell the name of the key, and never the key', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  await proxy({ keys: ring(), logger });
  await ask({ authorization: `Bearer ${key}` });
  const request = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request');
  expect(request).toMatchObject({ key: 'web', status: 200, model: 'simple_net' });
  expect(lines.join('')).not.toContain(key);
});

test('no other site may ask from a browser, unless it was named', async () => {
  const from = (origin: string, method: 'GET' | 'OPTIONS' = 'OPTIONS') =>
    app.inject({ method, url: '/models', headers: { origin, 'access-control-request-method': 'GET' } });
  await proxy({});
  expect((await from('https://a.example', 'GET')).headers['access-control-allow-origin']).toBeUndefined();
  await app.close();

  await proxy({ keys: ring(), corsOrigins: ['https://a.example'] });
  const preflight = await from('https://a.example');
  expect([preflight.statusCode, preflight.headers['access-control-allow-origin']]).toEqual([204, 'https://a.example']);
  expect(preflight.headers['access-control-allow-headers']).toContain('x-api-key');
  expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
  const get = await from('https://a.example', 'GET');
  expect([get.statusCode, get.headers['access-control-allow-origin']]).toEqual([401, 'https://a.example']);
  expect((await from('https://b.example')).headers['access-control-allow-origin']).toBeUndefined();
  await app.close();

  await expect(proxy({ corsOrigins: ['a.example/x'] })).rejects.toThrow("'a.example/x' is not an origin");
});
