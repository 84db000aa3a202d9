import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileDeployment, connect, startServer, validate } from '../src/index.ts';
import type { RunningServer } from '../src/server/index.ts';

// Checkpoints with tokenizers of their own (byte-level BPE, Unigram), from folder to answer, texts and pairs of texts,
// against what transformers makes of them; python/tiny_pipelines.py.
const golden = join(import.meta.dirname, 'golden/pipelines');
const names = (await readdir(golden)).sort();
const layouts = ['padded', 'packed'] as const;
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-pipelines-'));
  const models = Object.fromEntries(
    names.flatMap((name) =>
      layouts.map((layout) => [
        `${name}-${layout}`,
        { checkpoint: join(golden, name), layout, ...(name === 'roberta' && { text_pair: true }) },
      ]),
    ),
  );
  const { repository } = await compileDeployment({ deployment: { models }, file: undefined, baseDir: folder }, {});
  server = await startServer({ repository, httpPort: 0, metricsPort: 0 });
});

afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each(names.flatMap((name) => layouts.map((layout) => [name, layout])))('%s, %s', async (name, layout) => {
  const client = connect(server.url);
  try {
    const options = { expect: join(golden, name, 'expected.jsonl'), tolerance: 2e-5 };
    const report = await validate({ client, model: `${name}-${layout}`, ...options });
    expect(report.failures).toEqual([]);
    expect(report.passed).toBe(true);
    expect(report.count).toBe(name === 'deberta-tokens' ? 7 : 11);
  } finally {
    await client.close();
  }
});
