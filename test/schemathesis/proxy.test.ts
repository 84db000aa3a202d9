import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDeployment } from '../../src/compile/index.ts';
import { compileDeployment, startProxy, startServer } from '../../src/index.ts';
import type { RunningProxy } from '../../src/proxy/index.ts';
import type { RunningServer } from '../../src/server/index.ts';

// schemathesis against the proxy's OpenAPI document: CONCH_SCHEMATHESIS names its environment (npm run test:schemathesis).
const environment = process.env.CONCH_SCHEMATHESIS;
const examples = process.env.CONCH_SCHEMATHESIS_EXAMPLES ?? '60';
let folder: string;
let server: RunningServer;
let proxy: RunningProxy;

beforeAll(async () => {
  if (!environment) return;
  folder = await mkdtemp(join(tmpdir(), 'conch-schemathesis-'));
  const root = resolve(import.meta.dirname, '../..');
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), { repository: folder });
  const models = {
    ner: { checkpoint: join(root, 'test/golden/pipelines/deberta-tokens') },
    reranker: { checkpoint: join(root, 'test/golden/pipelines/xlm-roberta-reranker') },
  };
  await compileDeployment({ deployment: { models }, file: undefined, baseDir: folder }, { repository: folder });
  server = await startServer({ repository: folder, httpPort: 0, metricsPort: false });
  proxy = await startProxy({ server: server.url, port: 0, text: { repository: folder } });
  await proxy.whenReady();
}, 120_000);

afterAll(async () => {
  await proxy?.close();
  await server?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
];

test.runIf(environment)(
  'no answer is a server error or departs from the document',
  async () => {
    // Of its own checks it takes 413 for an answer to a body that is right.
    const rejections = 'expected-statuses = [400, 404, 405, 413, 415, 429]';
    await writeFile(join(folder, 'schemathesis.toml'), `[checks.negative_data_rejection]\n${rejections}\n`);
    const args = ['run', `${proxy.url}/openapi.json`, '--checks', checks.join(), '--max-examples', examples];
    args.push('--phases', 'examples,coverage,fuzzing', '--seed', '1', '--continue-on-failure', '--warnings', 'off');
    // Ids beyond the vocabulary fail inside the encoder, and no document can say where that ends.
    args.push('--exclude-path-regex', '^/models/[^/]+-model$');
    const command = join(resolve(environment!), 'bin/schemathesis');
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const code = await new Promise((done) => child.on('close', done));
    expect(code, report(output)).toBe(0);
    expect(output).toMatch(/Test cases:\s+\d{3,}/i);
  },
  600_000,
);

/** Of what it found without the requests' bodies, which may be as long as a body can be. */
function report(output: string): string {
  const lines = output.split('\n').map((line) => (line.length > 300 ? `${line.slice(0, 300)}…` : line));
  return lines.join('\n').slice(-20_000);
}
