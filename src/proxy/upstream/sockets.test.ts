import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { compileDeployment, loadDeployment } from '../../compile/index.ts';
import { type RunningServer, startServer } from '../../server/index.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '../start.ts';

// One proxy over several embedded servers, over real sockets.
const root = resolve(import.meta.dirname, '../../..');
let folder: string;
let servers: RunningServer[] = [];
let proxy: RunningProxy | undefined;

const serve = async (httpPort = 0) => {
  const server = await startServer({ repository: folder, httpPort, metricsPort: false, exitTimeoutSecs: 0 });
  servers.push(server);
  return server;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upstream-'));
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), {
    repository: folder,
    models: ['simple_net'],
  });
}, 60_000);
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function front(urls: string[], options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
  const server = urls.map((url) => ({ url }));
  proxy = await startProxy({ server, port: 0, logger: createLogger('silent'), metricsPort: 0, ...options });
  await proxy.whenReady();
  return proxy;
}

const ask = async (x: number[]) => {
  const response = await fetch(`${proxy!.url}/models/simple_net`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ x }),
  });
  return { status: response.status, body: (await response.json()) as { prediction?: number } };
};
const row = (seed: number) => Array.from({ length: 10 }, (_, at) => ((seed * 7 + at) % 13) / 13);

test('killing one of two servers under load loses no request and changes no answer', async () => {
  const [first, second] = [await serve(), await serve()];
  await front([first.url, second.url], { spread: { healthIntervalMs: 50 } });
  const rows = Array.from({ length: 20 }, (_, seed) => row(seed));
  const expected = await Promise.all(rows.map(async (x) => (await ask(x)).body.prediction));
  let stop = false;
  let asked = 0;
  const wrong: unknown[] = [];
  const clients = Array.from({ length: 16 }, async (_, client) => {
    for (let turn = 0; !stop; turn++) {
      const at = (client + turn) % rows.length;
      const { status, body } = await ask(rows[at]!);
      asked++;
      if (status !== 200 || body.prediction !== expected[at]) wrong.push({ status, body });
    }
  });
  const until = async (count: number) => {
    while (asked < count) await new Promise((done) => setImmediate(done));
  };
  await until(100);
  const port = first.httpPort;
  await first.close();
  await until(asked + 200);
  await serve(port);
  await until(asked + 200);
  await second.close();
  await until(asked + 200);
  stop = true;
  await Promise.all(clients);
  expect(wrong).toEqual([]);
  const metrics = await (await fetch(`http://127.0.0.1:${proxy!.metricsPort}/metrics`)).text();
  expect(metrics).toContain(`conch_proxy_server_up{server="${second.url}"} 0`);
  expect(metrics).toContain(`conch_proxy_server_up{server="${first.url}"} 1`);
});

test('closing says so at /healthz first, and finishes what is in flight', async () => {
  const server = await serve();
  const { url, close } = await front([server.url], { drainDelayMs: 300 });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const closed = close();
  const health = await fetch(`${url}/healthz`);
  expect([health.status, await health.json()]).toEqual([503, { status: 'not ready', reason: 'the proxy is closing' }]);
  expect((await ask(row(1))).status).toBe(200);
  await closed;
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});
