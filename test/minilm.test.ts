import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import { layouts } from '../src/compile/architectures/index.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { compileDeployment, connect, deploymentOf, startServer, validate } from '../src/index.ts';
import { findTarget } from '../src/onnx/index.ts';

// Real weights against PyTorch: `npm run test:minilm` fetches them and sets CONCH_MINILM. The golden files come from
// python/minilm_golden.py.
const folder = process.env.CONCH_MINILM && resolve(process.env.CONCH_MINILM);

interface Golden {
  inputs: Record<string, number[][]>;
  rows: { length: number; first: number[]; last: number[]; mean: number[] }[];
}

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-minilm-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test.skipIf(!folder)('all-MiniLM-L6-v2 (npm run test:minilm) is PyTorch to within 1e-4', async () => {
  const golden = await readFile(new URL('./golden/minilm.jsonl', import.meta.url), 'utf8');
  // The encoder by itself: without modules.json nothing pools.
  const bare = join(dir, 'checkpoint');
  await mkdir(bare);
  for (const name of ['config.json', 'model.safetensors']) await symlink(join(folder!, name), join(bare, name));
  for (const name of ['embedded', 'triton:24.01']) {
    const compiled = await compileEncoder({
      checkpoint: await openCheckpoint(bare),
      outDir: dir,
      target: findTarget(name),
    });
    expect(compiled).toMatchObject({
      parameters: 22_565_376,
      maxLength: 512,
      files: ['model.onnx', 'model.onnx.data'],
    });
    const session = await InferenceSession.create(join(dir, 'model.onnx'));
    for (const line of golden.trim().split('\n')) {
      const { inputs, rows } = JSON.parse(line) as Golden;
      expect(await worstError(session, inputs, rows)).toBeLessThan(1e-4);
    }
    await session.release();
  }
});

test.skipIf(!folder).each(layouts)('its served embeddings, %s, are those of sentence-transformers', async (layout) => {
  const repository = join(dir, 'models');
  await compileDeployment(deploymentOf({ checkpoint: folder!, name: 'minilm', layout }), { repository });
  const server = await startServer({ repository, httpPort: 0, metricsPort: 0 });
  const client = connect(server.url);
  try {
    const expect_ = fileURLToPath(new URL('./golden/minilm-sentences.jsonl', import.meta.url));
    const report = await validate({ client, model: 'minilm', expect: expect_, tolerance: 1e-5 });
    expect(report.failures).toEqual([]);
    expect(report).toMatchObject({ passed: true, count: 12 });
  } finally {
    await client.close();
    await server.close();
  }
});

async function worstError(session: InferenceSession, inputs: Golden['inputs'], rows: Golden['rows']): Promise<number> {
  const feeds = Object.entries(inputs).map(([name, texts]) => {
    const tensor = new Tensor('int64', BigInt64Array.from(texts.flat(), BigInt), [texts.length, texts[0]!.length]);
    return [name, tensor] as const;
  });
  const { last_hidden_state } = await session.run(Object.fromEntries(feeds));
  const data = last_hidden_state!.data as Float32Array;
  const [, sequence, size] = last_hidden_state!.dims as [number, number, number];
  let worst = 0;
  rows.forEach(({ length, first, last, mean }, text) => {
    for (let unit = 0; unit < size; unit++) {
      const at = (place: number) => data[(text * sequence + place) * size + unit]!;
      const average = Array.from({ length }, (_, place) => at(place)).reduce((sum, value) => sum + value, 0) / length;
      const errors = [at(0) - first[unit]!, at(length - 1) - last[unit]!, average - mean[unit]!];
      worst = Math.max(worst, ...errors.map(Math.abs));
    }
  });
  return worst;
}
