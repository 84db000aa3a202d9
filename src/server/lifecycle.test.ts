import http from 'node:http';
import { expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { freePort } from '../../test/free-port.ts';
import { call, RawConnection } from '../../test/raw-http.ts';
import { ConchError, createLogger } from '../base/index.ts';
import { type ListenerOptions, serveEngine } from './index.ts';

const logger = createLogger('silent');
const quiet: ListenerOptions = { httpPort: 0, metricsPort: false, logger };
const slow = JSON.stringify({ id: 's', inputs: [{ name: 'x', shape: [1], datatype: 'FP32', data: [7] }] });

/** A port that nothing listened on a moment ago. */
/** Asks until something listens. */
async function eventually(url: string) {
  for (;;) {
    try {
      return await call(url);
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('sockets open before the models are loaded', async () => {
  const engine = new FakeEngine({ holdStart: true });
  const port = await freePort();
  const starting = serveEngine(engine, { ...quiet, httpPort: port });
  const url = `http://127.0.0.1:${port}`;
  expect((await eventually(`${url}/v2/health/live`)).status).toBe(200);
  expect((await call(`${url}/v2/health/ready`)).status).toBe(400);
  const infer = await call(`${url}/v2/models/slow/infer`, { body: slow });
  expect([infer.status, infer.text]).toEqual([503, '{"error":"the server is still loading its models"}']);
  engine.finishLoading();
  const server = await starting;
  expect(server.url).toBe(url);
  expect((await call(`${url}/v2/health/ready`)).status).toBe(200);
  await server.close();
  expect(engine.closed).toBe(true);
});

test('a signal ends the server while it is still loading', async () => {
  const engine = new FakeEngine({ holdStart: true });
  const port = await freePort();
  const stopping = new AbortController();
  const starting = serveEngine(engine, { ...quiet, httpPort: port, signal: stopping.signal });
  await eventually(`http://127.0.0.1:${port}/v2/health/live`);
  stopping.abort();
  await expect.poll(() => engine.closed).toBe(true);
  await expect(call(`http://127.0.0.1:${port}/v2`)).rejects.toThrow('ECONNREFUSED');
  engine.finishLoading();
  await starting;
});

test('a start that fails closes the sockets again', async () => {
  const engine = new FakeEngine({ failStart: new ConchError('MODEL_LOAD_FAILED', 'no luck') });
  const httpPort = await freePort();
  await expect(serveEngine(engine, { ...quiet, httpPort })).rejects.toThrow('no luck');
  await expect(call(`http://127.0.0.1:${httpPort}/v2`)).rejects.toThrow('ECONNREFUSED');
  expect(engine.closed).toBe(true);
});

test('a port in use is named with its flag', async () => {
  const first = await serveEngine(new FakeEngine(), quiet);
  const taken = serveEngine(new FakeEngine(), { ...quiet, httpPort: first.httpPort });
  await expect(taken).rejects.toMatchObject({
    code: 'USAGE',
    message: `port ${first.httpPort} on 127.0.0.1 is in use by another program`,
    fix: 'stop that program or choose another port with --http-port',
  });
  const metrics = serveEngine(new FakeEngine(), { ...quiet, metricsPort: first.httpPort });
  await expect(metrics).rejects.toMatchObject({ fix: 'stop that program or choose another port with --metrics-port' });
  await first.close();
});

test('an address that is not ours is named', async () => {
  await expect(serveEngine(new FakeEngine(), { ...quiet, host: '192.0.2.1' })).rejects.toMatchObject({
    code: 'USAGE',
    message: '192.0.2.1 is not an address of this machine',
  });
});

test('closing lets what is under way finish and takes nothing new', async () => {
  const engine = new FakeEngine();
  const server = await serveEngine(engine, quiet);
  const agent = new http.Agent({ keepAlive: true });
  // An idle connection, kept open by the client.
  await call(`${server.url}/v2`, { agent });
  const idle = new RawConnection(server.httpPort);
  await new Promise((resolve) => idle.socket.once('connect', resolve));

  const arrival = engine.nextEvent();
  const answer = call(`${server.url}/v2/models/slow/infer`, { body: slow });
  await arrival;
  // A second request waits behind the first on its connection, its headers sent and its body not.
  const half = new RawConnection(server.httpPort);
  half.send(`POST /v2/models/sum/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{`);
  half.send(`}POST`);
  await half.until('HTTP/1.1 500');

  let closed = false;
  const closing = server.close().then(() => {
    closed = true;
  });
  expect(server.close()).toBe(server.close());
  await idle.untilEnd();
  await expect(call(`${server.url}/v2`)).rejects.toThrow('ECONNREFUSED');
  expect([closed, engine.closed]).toEqual([false, false]);
  // What was begun before is still answered, with the reason and without keeping the connection.
  half.send(` /v2/models/sum/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
  const refused = await half.untilEnd();
  expect(refused).toContain('HTTP/1.1 503');
  expect(refused).toContain('Connection: close');
  expect(refused).toContain('{"error":"the server is shutting down"}');

  engine.release();
  const { status, headers } = await answer;
  expect([status, headers.connection]).toEqual([200, 'close']);
  await closing;
  expect(await server.close()).toBe(true);
  expect(engine.closed).toBe(true);
});

test('closing does not wait for a body whose request has been refused', async () => {
  const server = await serveEngine(new FakeEngine(), { ...quiet, httpMaxInputSize: 10 });
  const connection = new RawConnection(server.httpPort);
  connection.send('POST /v2/models/sum/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
  await connection.until('the limit is 10"}');
  await server.close();
  await connection.untilEnd();
});

test.each(['live', 'ready'])('health/%s says that the server stops', async (kind) => {
  const server = await serveEngine(new FakeEngine(), quiet);
  const connection = new RawConnection(server.httpPort);
  // The second request has begun when the server closes.
  connection.send(`GET /v2 HTTP/1.1\r\nHost: x\r\n\r\nGET /v2/health/${kind} HTTP/1.1\r\n`);
  await connection.until('"triton"');
  const closing = server.close();
  connection.send('Host: x\r\n\r\n');
  const received = await connection.untilEnd();
  expect(received).toContain('HTTP/1.1 503');
  expect(received).toContain('{"error":"the server is shutting down"}');
  await closing;
});

test('what does not finish in time is cut off', async () => {
  const engine = new FakeEngine();
  const server = await serveEngine(engine, { ...quiet, exitTimeoutSecs: 0.05 });
  const arrival = engine.nextEvent();
  const answer = call(`${server.url}/v2/models/slow/infer`, { body: slow });
  await arrival;
  const aborted = engine.nextEvent();
  const [, whole] = await Promise.all([expect(answer).rejects.toThrow('socket hang up'), server.close(), aborted]);
  expect(whole).toBe(false);
  expect(engine.aborted).toEqual(['s']);
  expect(engine.closed).toBe(true);
});
