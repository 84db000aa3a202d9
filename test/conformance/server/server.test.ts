import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../src/base/index.ts';
import { startServer } from '../../../src/server/index.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { serverCases } from './cases.ts';
import { filesOf } from './files.ts';
import { World } from './world.ts';

// What the embedded server comes to is what a real Triton came to (npm run record:server); CONCH_PYTHON names an
// interpreter with numpy.
const fresh = process.env.CONCH_CONFORMANCE;
const recorded = JSON.parse(
  readFileSync(fresh ? `${fresh}/server-answers.json` : new URL('recorded.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

describe.runIf(process.env.CONCH_PYTHON)('the server as a real Triton', { timeout: 60_000 }, () => {
  test.each(serverCases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const root = mkdtempSync(join(tmpdir(), 'conch-server-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    mkdirSync(join(root, 'models'));
    writeFiles(join(root, 'models'), filesOf(one));
    const server = await startServer({
      repository: join(root, 'models'),
      ...(one.explicit && { modelControlMode: 'explicit' as const, models: [] }),
      httpPort: 0,
      metricsPort: 0,
      grpcPort: 0,
      logger: createLogger('silent'),
      trace: { file: '/dev/null' },
      allowTraceSettings: true,
      allowLogSettings: true,
    });
    onTestFinished(async () => void (await server.close()));
    const world = new World(server.url, server.grpcPort!, `http://127.0.0.1:${server.metricsPort}`, root);
    onTestFinished(() => world.close());
    expect(await one.run(world)).toEqual(recorded[name]);
  });
});
