import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from '../server/index.ts';
import { connect, type TlsOptions } from './index.ts';

const path = (name: string) => resolve(import.meta.dirname, `../../test/fixtures/tls/${name}.pem`);
const pem = (name: string) => readFileSync(path(name), 'utf8');
const files = { serverCert: path('server'), serverKey: path('server-key'), rootCert: path('ca') };
const own = { cert: pem('client'), key: pem('client-key') };

// A server that wants a certificate of its clients, over both wires.
let server: RunningServer;
beforeAll(async () => {
  const logger = createLogger('silent');
  server = await serveEngine(new FakeEngine(), {
    httpPort: 0,
    grpcPort: 0,
    metricsPort: false,
    logger,
    httpTls: files,
    grpc: { tls: files },
  });
});
afterAll(() => server.close());

describe.each(['https', 'grpcs'])('over %s', (scheme) => {
  const ask = async (tls?: TlsOptions) => {
    const port = scheme === 'https' ? server.httpPort : server.grpcPort;
    const client = connect(`${scheme}://127.0.0.1:${port}`, { timeoutMs: 5000, ...(tls && { tls }) });
    try {
      return await client.isLive();
    } finally {
      await client.close();
    }
  };

  test('the authority is named, and the client shows its own certificate', async () => {
    expect(await ask({ ca: pem('ca'), ...own })).toBe(true);
  });

  test('without the authority the server is not believed, unless that is switched off by name', async () => {
    await expect(ask(own)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE', message: /certificate/ });
    expect(await ask({ ...own, insecureSkipVerify: true })).toBe(true);
  });

  test('a certificate for another name is not accepted', async () => {
    await expect(ask({ ca: pem('ca'), ...own, serverName: 'other.example' })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    });
  });

  test('without a certificate of its own the client is turned away', async () => {
    await expect(ask({ ca: pem('ca') })).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });
});
