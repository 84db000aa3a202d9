import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startProxy } from '../../proxy/index.ts';
import { conch } from '../testing.ts';
import { devSettings, startDev } from './dev.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dev-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const deployment = (batch: number | string) => `export default {
  repository: ${JSON.stringify(join(folder, 'models'))},
  models: {
    simple_net: {
      weights: ${JSON.stringify(join(root, 'examples/simple_net/weights.safetensors'))},
      layers: [{ name: 'net.0', activation: 'relu' }, { name: 'net.2', activation: 'relu' }, { name: 'net.4' }],
      input: 'x', output: 'prediction', max_batch_size: ${batch},
    },
  },
};\n`;

test('a change of the deployment is compiled, served and offered; one that is wrong changes nothing', async () => {
  const file = join(folder, 'conch.config.mjs');
  await writeFile(file, deployment(4));
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const dev = await startDev({ file }, logger);
  const proxy = await startProxy({ server: dev.url, port: 0, metricsPort: false, logger, ...(await devSettings()) });
  try {
    await proxy.whenReady();
    const batchSize = async () => {
      const response = await fetch(`${proxy.url}/models/simple_net`, { headers: { origin: 'http://localhost:5173' } });
      expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:5173');
      return ((await response.json()) as { maxBatchSize: number }).maxBatchSize;
    };
    expect(await batchSize()).toBe(4);
    await writeFile(file, deployment('"many"'));
    await vi.waitFor(() => expect(lines.join('')).toContain('what is served stays as it was'), 10_000);
    expect(await batchSize()).toBe(4);
    await writeFile(file, deployment(16));
    await vi.waitFor(async () => expect(await batchSize()).toBe(16), { timeout: 15_000, interval: 100 });
    expect((await fetch(`${proxy.url}/admin/servers`)).status).toBe(200);
  } finally {
    await proxy.close();
    await dev.close();
  }
}, 40_000);

test.each([[['--server', 'http://a:1']], [['--host', '0.0.0.0']]])(
  '--dev with %j is refused: everybody could administer it',
  async (flags) => {
    const { code, err } = await conch('proxy', '--dev', ...flags);
    expect([code, err]).toEqual([2, expect.stringContaining('--dev is for one machine')]);
  },
);
