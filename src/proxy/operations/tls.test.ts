import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { createProxyApp } from '../app.ts';
import { fakeClient, fakeServer } from '../fake-client.ts';
import { type RunningProxy, startProxy } from '../start.ts';
import { followCertificates, tlsSettings } from './tls.ts';

const pem = (name: string) => resolve(import.meta.dirname, `../../../test/fixtures/tls/${name}.pem`);
const files = { serverCert: pem('server'), serverKey: pem('server-key') };
let ca: Buffer;
let folder: string;
let proxy: RunningProxy | undefined;
beforeEach(async () => {
  ca = await readFile(pem('ca'));
  folder = await mkdtemp(join(tmpdir(), 'tls-'));
});
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Status, HSTS and the name on the certificate; rejects when the handshake fails. */
function get(url: string, more: https.RequestOptions = {}) {
  return new Promise<{ status: number | undefined; sts: unknown; subject: string }>((done, reject) => {
    const request = https.get(url, { ca, agent: false, ...more }, (answer) => {
      const { CN } = (answer.socket as import('node:tls').TLSSocket).getPeerCertificate().subject;
      answer.resume();
      done({ status: answer.statusCode, sts: answer.headers['strict-transport-security'], subject: String(CN) });
    });
    request.on('error', reject);
  });
}
const start = async (tls: NonNullable<Parameters<typeof startProxy>[0]['tls']>) => {
  const logger = createLogger('silent');
  proxy = await startProxy({ server: 'http://127.0.0.1:1', port: 0, logger, metricsPort: false, tls });
  return proxy;
};

test('speaks HTTPS, says that browsers should stay with it, and does not speak plainly', async () => {
  const { url } = await start(files);
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const answer = await get(`${url}/health`);
  expect(answer).toMatchObject({ status: 200, sts: expect.stringContaining('max-age=31536000') });
  await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
});

test('with a root certificate only clients that have one of its own are served', async () => {
  const { url } = await start({ ...files, rootCert: pem('ca') });
  await expect(get(`${url}/health`)).rejects.toThrow();
  const client = { cert: await readFile(pem('client')), key: await readFile(pem('client-key')) };
  expect((await get(`${url}/health`, client)).status).toBe(200);
});

test('files that do not fit are named before anything listens', async () => {
  await expect(start({ ...files, serverKey: pem('client-key') })).rejects.toThrow('--tls-server-key');
  await expect(start({ ...files, serverCert: join(folder, 'none') })).rejects.toThrow('--tls-server-cert');
});

test('a certificate that changes is taken up; half of a change is not', async () => {
  const own = { serverCert: join(folder, 'cert.pem'), serverKey: join(folder, 'key.pem') };
  await copyFile(pem('server'), own.serverCert);
  await copyFile(pem('server-key'), own.serverKey);
  const app = await createProxyApp({
    client: fakeClient(fakeServer({})),
    maxEventLoopDelayMs: false,
    https: await tlsSettings(own),
  });
  const lines: string[] = [];
  const logger = { info: (text: string) => lines.push(text), warn: (text: string) => lines.push(text) };
  const stop = followCertificates(app, own, logger as never, 5);
  try {
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const anyone = { rejectUnauthorized: false };
    const before = (await get(`${url}/health`, anyone)).subject;
    await copyFile(pem('client'), own.serverCert);
    await vi.waitFor(() => expect(lines.join()).toContain('the certificate stays as it was'));
    expect((await get(`${url}/health`, anyone)).subject).toBe(before);
    await copyFile(pem('client-key'), own.serverKey);
    await vi.waitFor(() => expect(lines.join()).toContain('the certificate was read again'));
    expect((await get(`${url}/health`, anyone)).subject).not.toBe(before);
  } finally {
    stop();
    await app.close();
  }
});
