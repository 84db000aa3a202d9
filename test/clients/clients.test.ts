import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../src/base/index.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import { writeModels } from './models.ts';

// The official Python client against the embedded server: npm run test:clients, or CONCH_CLIENTS naming a virtual
// environment that has tritonclient[all].
const clients = process.env.CONCH_CLIENTS;

describe.skipIf(clients === undefined)('tritonclient', () => {
  const root = mkdtempSync(join(tmpdir(), 'conch-clients-'));
  let server: RunningServer;
  beforeAll(async () => {
    writeModels(root);
    server = await startServer({
      repository: root,
      httpPort: 0,
      metricsPort: false,
      grpcPort: 0,
      logger: createLogger('error'),
      modelControlMode: 'explicit',
      allowClientShm: true,
      allowTraceSettings: true,
      allowLogSettings: true,
    });
  });
  afterAll(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** What each check of a script came to. */
  async function outcomes(script: string, ...args: string[]): Promise<{ check: string; error: string | null }[]> {
    const { stdout } = await promisify(execFile)(
      join(clients!, 'bin/python3'),
      [join(import.meta.dirname, script), ...args],
      { timeout: 100_000 },
    );
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  test.each([
    ['http_client.py', 15],
    ['http_aio_client.py', 3],
    ['grpc_client.py', 15],
    ['grpc_aio_client.py', 4],
    ['grpc_reflection_client.py', 2],
  ])('%s finds nothing to complain about', async (script, count) => {
    const port = script.startsWith('grpc') ? server.grpcPort : server.httpPort;
    const found = await outcomes(script, `127.0.0.1:${port}`, join(root, 'add/1/model.onnx'));
    expect(found.filter(({ error }) => error !== null)).toEqual([]);
    expect(found.length).toBe(count);
  });
});
