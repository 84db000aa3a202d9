import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call, RawConnection } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from './index.ts';

const logger = createLogger('silent');
let server: RunningServer;
let engine: FakeEngine;
beforeAll(async () => {
  engine = new FakeEngine();
  server = await serveEngine(engine, {
    httpPort: 0,
    metricsPort: false,
    httpMaxInputSize: 100_000,
    logger,
  });
});
afterAll(() => server.close());

const body = JSON.stringify({
  id: 'r',
  inputs: [{ name: 'x', shape: [1, 10], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }],
});
const head = (model: string, more: string) => `POST /v2/models/${model}/infer HTTP/1.1\r\nHost: x\r\n${more}\r\n\r\n`;
const whole = (model = 'sum', text = body) => head(model, `Content-Length: ${text.length}`) + text;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
/** The server still answers others. */
const isWell = async () => expect((await call(`${server.url}/v2/health/live`)).status).toBe(200);

function connect(...parts: (string | Uint8Array)[]): RawConnection {
  const connection = new RawConnection(server.httpPort);
  for (const part of parts) connection.send(part);
  return connection;
}

test('a body may come in chunks, cut anywhere', async () => {
  const pieces = body
    .match(/.{1,7}/g)!
    .map(chunk)
    .join('');
  const connection = connect(head('sum', 'Transfer-Encoding: chunked'), `${pieces}0\r\n\r\n`);
  expect(await connection.until('"data":[55.0]')).toContain('HTTP/1.1 200');
  connection.destroy();
});

test('a body may come byte by byte', async () => {
  const connection = connect();
  await new Promise((resolve) => connection.socket.once('connect', resolve));
  for (const byte of Buffer.from(whole())) connection.socket.write(Uint8Array.of(byte));
  expect(await connection.until('"data":[55.0]')).toContain('HTTP/1.1 200');
  connection.destroy();
});

test('requests may be pipelined; answers keep their order', async () => {
  const text = (id: string) => body.replace('"r"', `"${id}"`);
  const arrival = engine.nextEvent();
  const connection = connect(
    whole('slow', text('first')) + whole('sum', text('second')) + whole('none', text('third')),
  );
  await arrival;
  engine.release();
  const received = await connection.until("no model 'none'");
  const order = ['"id":"first"', '"id":"second"', "no model 'none' is known"].map((mark) => received.indexOf(mark));
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order).not.toContain(-1);
  connection.destroy();
});

test.each([
  ['no HTTP', 'hello\r\n\r\n', '400', 'the request is not valid HTTP'],
  ['a TLS hello', Uint8Array.of(22, 3, 1, 0, 200, 1, 0, 0), '400', 'the request is not valid HTTP'],
  ['a bad length', head('sum', 'Content-Length: ten'), '400', 'the request is not valid HTTP'],
  ['a negative length', head('sum', 'Content-Length: -1'), '400', 'the request is not valid HTTP'],
  ['two lengths', head('sum', 'Content-Length: 2\r\nContent-Length: 3'), '400', 'the request is not valid HTTP'],
  [
    'a length and chunks',
    head('sum', 'Content-Length: 2\r\nTransfer-Encoding: chunked'),
    '400',
    'the request is not valid HTTP',
  ],
  ['a bad chunk', `${head('sum', 'Transfer-Encoding: chunked')}zz\r\n`, '400', 'the request is not valid HTTP'],
  ['huge headers', head('sum', `X: ${'a'.repeat(20_000)}`), '431', 'the request headers are longer than 16384 bytes'],
  [
    'endless chunk extensions',
    `${head('sum', 'Transfer-Encoding: chunked')}1;${'a'.repeat(20_000)}`,
    '413',
    'the chunk extensions are too long',
  ],
  ['no host', 'GET /v2 HTTP/1.1\r\n\r\n', '400', ''],
])('%s is refused and the connection closed', async (_what, bytes, status, reason) => {
  const received = await connect(bytes).untilEnd();
  expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(received).toContain('Connection: close');
  if (reason) expect(received).toContain(`{"error":"${reason}"}`);
  await isWell();
});

test('slow headers and slow bodies run out of time', async () => {
  const options = { httpPort: 0, metricsPort: false, headersTimeoutMs: 100, requestTimeoutMs: 150, logger } as const;
  const impatient = await serveEngine(new FakeEngine(), options);
  const cases = ['', 'POST /v2/models/sum/infer HTTP/1.1\r\nHost:', `${head('sum', 'Content-Length: 100')}{`];
  for (const text of cases) {
    const connection = new RawConnection(impatient.httpPort);
    connection.send(text);
    const received = await connection.untilEnd();
    expect(received).toMatch(/^HTTP\/1.1 408 /);
    expect(received).toContain('{"error":"the request did not arrive in time"}');
  }
  await impatient.close();
});

test('a body that is too long is refused before it has come', async () => {
  const announced = await connect(head('sum', 'Content-Length: 99999999')).until('}');
  expect(announced).toContain('HTTP/1.1 400');
  expect(announced).toContain('{"error":"the request body has 99999999 bytes, the limit is 100000"}');
  const chunks = connect(
    head('sum', 'Transfer-Encoding: chunked'),
    chunk('x'.repeat(60_000)),
    chunk('x'.repeat(60_000)),
  );
  expect(await chunks.until('}')).toContain(
    '{"error":"the request body has more than 100000 bytes, the limit is 100000"}',
  );
  // The rest is read and dropped; the connection goes on.
  chunks.send(`0\r\n\r\n${whole()}`);
  await chunks.until('"data":[55.0]');
  chunks.destroy();
});

test('a body in too many chunks is refused and the connection closed', async () => {
  const received = await connect(
    head('sum', 'Transfer-Encoding: chunked'),
    '1\r\n \r\n'.repeat(65_600),
    '0\r\n\r\n',
  ).untilEnd();
  expect(received).toContain('{"error":"the chunked body has more than 65536 chunks"}');
  expect(received).toContain('Connection: close');
});

test('bodies under way are bounded over all connections, also what small ones unpack to', async () => {
  const small = await serveEngine(new FakeEngine(), { httpPort: 0, metricsPort: false, maxBodiesBytes: 500, logger });
  const url = `${small.url}/v2/models/sum/infer`;
  const long = body + ' '.repeat(600);
  const message =
    /^\{"error":"the bodies of requests under way take \d+ bytes already, the server holds at most 500"\}$/;
  for (const options of [{ body: long }, { body: gzipSync(long), headers: { 'Content-Encoding': 'gzip' } }]) {
    const { status, text } = await call(url, options);
    expect(status).toBe(503);
    expect(text).toMatch(message);
  }
  expect((await call(url, { body })).status).toBe(200);
  await small.close();
});

test('a client that asks before it sends is told to go on', async () => {
  const connection = connect(head('sum', `Content-Length: ${body.length}\r\nExpect: 100-continue`));
  await connection.until('HTTP/1.1 100 Continue');
  connection.send(body);
  await connection.until('"data":[55.0]');
  connection.destroy();
});

test('a client that goes away frees its place', async () => {
  const arrival = engine.nextEvent();
  const connection = connect(whole('slow', body.replace('"r"', '"gone"')));
  await arrival;
  const aborted = engine.nextEvent();
  connection.destroy();
  await aborted;
  expect(engine.aborted).toContain('gone');
  await isWell();
});

test('a client that goes away while it sends does no harm', async () => {
  const connection = connect(head('sum', 'Content-Length: 100'), '{"inputs"');
  await new Promise((resolve) => connection.socket.once('connect', resolve));
  connection.socket.resetAndDestroy();
  await isWell();
});

test('an answer of one request leaves the connection for the next', async () => {
  const connection = connect(whole('none'), whole());
  const received = await connection.until('"data":[55.0]');
  expect(received).toContain("no model 'none' is known");
  expect(received).not.toContain('Connection: close');
  connection.destroy();
});

test('upgrades and tunnels are not taken up', async () => {
  const upgrade = connect(
    'GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  expect(await upgrade.until('\r\n\r\n')).toContain('HTTP/1.1 200');
  upgrade.destroy();
  expect(await connect('CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n').untilEnd()).toBe('');
  await isWell();
});
