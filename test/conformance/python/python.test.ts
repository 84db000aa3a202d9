import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../src/base/index.ts';
import { startServer } from '../../../src/server/index.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { type CaseAnswers, play } from './answers.ts';
import { pythonCases } from './cases.ts';
import { filesOf } from './files.ts';

// Python models answer as a real Triton did (npm run record:python); CONCH_PYTHON names an interpreter with numpy.
const fresh = process.env.CONCH_CONFORMANCE;
const recorded = JSON.parse(
  readFileSync(fresh ? `${fresh}/python-answers.json` : new URL('recorded.json', import.meta.url), 'utf8'),
) as Record<string, CaseAnswers>;

describe.runIf(process.env.CONCH_PYTHON)('Python models answer as under a real Triton', () => {
  test.each(pythonCases.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const root = mkdtempSync(join(tmpdir(), 'conch-python-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    writeFiles(root, filesOf(one));
    const server = await startServer({
      repository: root,
      httpPort: 0,
      metricsPort: 0,
      logger: createLogger('silent'),
    });
    onTestFinished(async () => void (await server.close()));
    const metricsUrl = `http://127.0.0.1:${server.metricsPort}`;
    expect(await play(one, { url: server.url, metricsUrl })).toEqual(recorded[name]);
  });
});
