import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compileDeployment, deploymentOf } from '../src/compile/index.ts';

const golden = join(import.meta.dirname, 'golden/tiny-bert');
const fixtures = join(import.meta.dirname, 'fixtures/pytorch');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-pytorch-checkpoint-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** model.onnx of the tiny BERT with these weights. */
async function compiled(weights: string, name: string): Promise<Buffer> {
  const checkpoint = join(dir, 'checkpoint');
  await rm(checkpoint, { recursive: true, force: true });
  await mkdir(checkpoint);
  for (const file of ['config.json', 'vocab.txt']) await cp(join(golden, file), join(checkpoint, file));
  await cp(weights, join(checkpoint, name));
  const repository = join(dir, 'models');
  const { models } = await compileDeployment(deploymentOf({ checkpoint, name: 'm' }), { repository, force: true });
  expect(models.find((model) => model.name === 'm-model')?.manifest.inputs).toHaveProperty([name]);
  return readFile(join(repository, 'm-model', '1', 'model.onnx'));
}

test('one model from safetensors, the ZIP format and the stream before 1.6 is one ONNX file', async () => {
  const reference = await compiled(join(golden, 'model.safetensors'), 'model.safetensors');
  // The stream names normalisations gamma and beta, and has the buffer position_ids.
  for (const form of ['zip', 'stream']) {
    const onnx = await compiled(join(fixtures, `tiny-bert-${form}.bin`), 'pytorch_model.bin');
    expect(onnx.equals(reference), form).toBe(true);
  }
});
