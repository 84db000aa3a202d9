import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createLogger } from '../../../src/base/index.ts';
import { startServer } from '../../../src/server/index.ts';
import { writeFiles } from '../../triton/oracle.ts';
import { play } from './answers.ts';
import { sequenceCases } from './cases.ts';
import { configOf, modelPy } from './model.ts';
import { OverHttp } from './over-http.ts';
import { expectRecorded } from './recorded.ts';

// The same cases as in sequence.test.ts with the very model that the real Triton ran, in the embedded server's Python
// backend, over HTTP. They take their time, as they did there: only `npm run test:conformance` runs them.
const { CONCH_CONFORMANCE: conformance, CONCH_PYTHON: python } = process.env;

describe.runIf(conformance && python).concurrent('sequences of a Python model', { timeout: 60_000 }, () => {
  test.for(sequenceCases)('$name', async (one, { onTestFinished }) => {
    const root = mkdtempSync(join(tmpdir(), 'conch-sequence-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    writeFiles(root, { 'm/config.pbtxt': configOf(one), 'm/1/model.py': modelPy });
    const logger = createLogger('silent');
    const server = await startServer({ repository: root, httpPort: 0, metricsPort: false, logger });
    onTestFinished(async () => void (await server.close()));
    expectRecorded(one.name, await play(one, new OverHttp(server.url)));
  });
});
