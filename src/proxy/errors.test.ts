import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createProxyApp } from './app.ts';
import { failureOf } from './errors.ts';
import { fakeClient, fakeServer } from './fake-client.ts';

test('overload of the proxy itself is 503 and says when to come back', () => {
  const error = Object.assign(new Error('Service Unavailable'), { code: 'FST_UNDER_PRESSURE' });
  expect(failureOf(error, 'id', { bodyBytes: 1 })).toEqual({
    status: 503,
    retryAfter: 10,
    body: { error: 'the proxy is overloaded', code: 'QUEUE_FULL', requestId: 'id' },
  });
});

test.each([
  ['ERR_HTTP_REQUEST_TIMEOUT', 'HTTP/1.1 408 Request Timeout', 'the request took too long to arrive'],
  ['HPE_INVALID_METHOD', 'HTTP/1.1 400 Bad Request', 'this is not an HTTP request'],
])('a connection that fails with %s ends with an answer', async (code, line, error) => {
  const app = await createProxyApp({ client: fakeClient(fakeServer({})), maxEventLoopDelayMs: false });
  let written = '';
  const socket = { writable: true, destroyed: false, end: (text: string) => (written = text), destroy() {} };
  app.server.emit('clientError', Object.assign(new Error('x'), { code }), socket as unknown as Socket);
  expect(written.split('\r\n')[0]).toBe(line);
  const body = written.slice(written.indexOf('\r\n\r\n') + 4);
  expect(written).toContain(`content-length: ${body.length}\r\n`);
  expect(JSON.parse(body)).toMatchObject({ error, code: 'REQUEST_MALFORMED' });
  let destroyed = false;
  const dead = { ...socket, writable: false, destroy: () => (destroyed = true) };
  app.server.emit('clientError', Object.assign(new Error('x'), { code }), dead as unknown as Socket);
  expect(destroyed).toBe(true);
  await app.close();
});
