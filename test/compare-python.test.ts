import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareVariants, deploymentOf } from '../src/compile/index.ts';

// `npm run test:compare`: CONCH_COMPARE is a Python with torch, onnxscript, transformers, sentence-transformers and ModelOpt.
const python = process.env.CONCH_COMPARE;
const root = resolve(import.meta.dirname, '..');
const example = join(root, 'examples/finbert/checkpoint');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-compare-python-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe.runIf(python)('variants of PyTorch and ModelOpt', { timeout: 600_000 }, () => {
  async function compare(checkpoint: string) {
    const loaded = deploymentOf({ checkpoint, name: 'm' });
    const options = { variants: ['pytorch', 'modelopt'], rounds: 1, threads: 1, python: python! };
    const { variants } = await compareVariants(loaded, options);
    return new Map(variants.map((variant) => [variant.id, variant]));
  }

  const exact = ['torch-export', 'torch-export-no-runtime-passes', 'torch-onnx-trace', 'torchscript'];

  test('a classifier: exports answer as conch does, ModelOpt nearly so', async () => {
    const found = await compare(example);
    for (const id of exact) {
      expect(found.get(id)).toMatchObject({ accuracy: { labelAgreement: 1 }, speed: {}, build: {} });
      expect(found.get(id)!.accuracy!.worstError).toBeLessThan(1e-4);
    }
    expect(found.get('modelopt-autocast')!.accuracy!.worstError).toBeLessThan(0.01);
    expect(found.get('modelopt-int8')!.accuracy!.labelAgreement).toBeGreaterThan(0.9);
  });

  test('a sentence encoder is exported with its pooling', async () => {
    // The example's encoder, with a pooling behind it in place of its classifier.
    await cp(example, dir, { recursive: true });
    const config = JSON.parse(await readFile(join(example, 'config.json'), 'utf8'));
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, architectures: ['BertModel'] }));
    const modules = ['Transformer', 'Pooling', 'Normalize'].map((name, idx) => ({
      ...{ idx, name: `${idx}`, path: idx === 0 ? '' : `${idx}_${name}` },
      type: `sentence_transformers.models.${name}`,
    }));
    await writeFile(join(dir, 'modules.json'), JSON.stringify(modules));
    await mkdir(join(dir, '1_Pooling'));
    await mkdir(join(dir, '2_Normalize'));
    const pooling = { word_embedding_dimension: config.hidden_size, pooling_mode_mean_tokens: true };
    await writeFile(join(dir, '1_Pooling/config.json'), JSON.stringify(pooling));
    const found = await compare(dir);
    for (const id of exact) {
      expect(found.get(id)!.notBuilt).toBeUndefined();
      expect(found.get(id)!.accuracy!.worstError).toBeLessThan(1e-4);
    }
  });
});
