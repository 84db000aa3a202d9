import { readFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call, RawConnection } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type ListenerOptions, serveEngine } from './index.ts';

const pem = (name: string) => resolve(import.meta.dirname, `../../test/fixtures/tls/${name}.pem`);
const ca = readFileSync(pem('ca'));
const files = { serverCert: pem('server'), serverKey: pem('server-key') };
const options: ListenerOptions = { httpPort: 0, metricsPort: false, logger: createLogger('silent') };
const body = JSON.stringify({ inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 4] }] });

/** POST over TLS; rejects when the handshake fails. */
function post(url: string, more: https.RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      `${url}/v2/models/sum/infer`,
      { method: 'POST', ca, agent: false, ...more },
      async (answer) => {
        let text = '';
        for await (const piece of answer) text += piece;
        resolve(`${answer.statusCode} ${text}`);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

test('HTTP over TLS: the same answers, an https URL, and nothing for those who speak plainly', async () => {
  const server = await serveEngine(new FakeEngine(), { ...options, httpTls: files });
  expect(server.url).toBe(`https://127.0.0.1:${server.httpPort}`);
  expect(await post(server.url)).toContain('200 {"model_name":"sum"');
  const plain = new RawConnection(server.httpPort);
  plain.send('GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await plain.untilEnd()).not.toContain('HTTP/1.1 200');
  await server.close();
});

test('with a root certificate only clients that have one of its own are served', async () => {
  const server = await serveEngine(new FakeEngine(), { ...options, httpTls: { ...files, rootCert: pem('ca') } });
  await expect(post(server.url)).rejects.toThrow();
  const client = { cert: readFileSync(pem('client')), key: readFileSync(pem('client-key')) };
  expect(await post(server.url, client)).toContain('200 {"model_name":"sum"');
  await server.close();
});

test('closing does not wait for handshakes', async () => {
  const server = await serveEngine(new FakeEngine(), { ...options, httpTls: files });
  const silent = net.connect(server.httpPort, '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  // Accepted, too: a connection made later has been served.
  await post(server.url);
  const gone = new Promise((resolve) => silent.once('close', resolve).once('error', () => {}));
  silent.resume();
  await server.close();
  await gone;
});

test.each([
  ['--http-server-cert', { ...files, serverCert: '/nowhere.pem' }, '/nowhere.pem cannot be read'],
  ['--http-server-cert', { ...files, serverCert: import.meta.filename }, 'is not a PEM file that fits'],
  ['--http-server-key', { ...files, serverKey: pem('client-key') }, 'is not a PEM file that fits'],
  ['--http-root-cert', { ...files, rootCert: import.meta.filename }, 'is not a PEM file that fits'],
])('%s that cannot be used is named', async (flag, httpTls, reason) => {
  const starting = serveEngine(new FakeEngine(), { ...options, httpTls });
  await expect(starting).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(new RegExp(`^${flag}: .*${reason}`)),
  });
});

test('headers that match the pattern become parameters of the request, which the body goes before', async () => {
  const engine = new FakeEngine();
  const server = await serveEngine(engine, { ...options, httpHeaderForwardPattern: '^x-|tenant|priority' });
  const url = `${server.url}/v2/models/sum/infer`;
  const parameters = { 'X-Both': 'body', own: 1 };
  const headers = { 'X-One': 'a', 'The-TENANT-id': 'b', 'X-Both': 'header', Other: 'c' };
  await call(url, { body: JSON.stringify({ ...JSON.parse(body), parameters }), headers });
  expect({ ...engine.requests[0]!.parameters }).toEqual({
    ...{ 'X-One': 'a', 'The-TENANT-id': 'b', 'X-Both': 'body', own: 1 },
  });
  const reserved = await call(url, { body, headers: { priority: '1' } });
  expect([reserved.status, reserved.text]).toEqual([
    400,
    '{"error":"header \'priority\' is forwarded, but a parameter of that name is reserved"}',
  ]);
  await server.close();
  const exact = await serveEngine(engine, { ...options, httpHeaderForwardPattern: '(?-i)^x-' });
  await call(`${exact.url}/v2/models/sum/infer`, { body, headers: { 'X-One': 'a', 'x-two': 'b' } });
  expect({ ...engine.requests.at(-1)!.parameters }).toEqual({ 'x-two': 'b' });
  await exact.close();
});

test('a pattern that is none is refused', async () => {
  await expect(serveEngine(new FakeEngine(), { ...options, httpHeaderForwardPattern: '(' })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('--http-header-forward-pattern: Invalid regular expression'),
  });
});
