import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compileDeployment, deploymentOf } from '../src/compile/index.ts';

const golden = join(import.meta.dirname, 'golden');
const fixtures = join(import.meta.dirname, 'fixtures/pytorch');

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-pytorch-checkpoint-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** model.onnx of a tiny BERT with these weights; `files` are absolute, by their name in the checkpoint. */
async function compiled(files: Readonly<Record<string, string>>, base = 'tiny-bert'): Promise<Buffer> {
  const checkpoint = join(dir, 'checkpoint');
  await rm(checkpoint, { recursive: true, force: true });
  await mkdir(checkpoint);
  for (const file of ['config.json', 'vocab.txt']) await cp(join(golden, base, file), join(checkpoint, file));
  for (const [name, file] of Object.entries(files)) await cp(file, join(checkpoint, name));
  const repository = join(dir, 'models');
  const { models } = await compileDeployment(deploymentOf({ checkpoint, name: 'm' }), { repository, force: true });
  const { inputs } = models.find((model) => model.name === 'm-model')!.manifest;
  for (const name of Object.keys(files)) expect(inputs).toHaveProperty([name]);
  return readFile(join(repository, 'm-model', '1', 'model.onnx'));
}

const inFolder = (folder: string, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, join(folder, name)]));

test('one model from safetensors, the ZIP format and the stream before 1.6 is one ONNX file', async () => {
  const reference = await compiled({ 'model.safetensors': join(golden, 'tiny-bert/model.safetensors') });
  // The stream names normalisations gamma and beta, and has the buffer position_ids.
  for (const form of ['zip', 'stream']) {
    const onnx = await compiled({ 'pytorch_model.bin': join(fixtures, `tiny-bert-${form}.bin`) });
    expect(onnx.equals(reference), form).toBe(true);
  }
});

test('in half precision and in shards of both formats', async () => {
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const half = join(golden, 'tiny-bert-half');
  const reference = await compiled(inFolder(half, [...names, 'model.safetensors.index.json']), 'tiny-bert-half');
  const shards = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'];
  const files = inFolder(join(fixtures, 'half'), [...shards, 'pytorch_model.bin.index.json']);
  expect((await compiled(files, 'tiny-bert-half')).equals(reference)).toBe(true);
});

test('in bfloat16', async () => {
  const reference = await compiled({ 'model.safetensors': join(fixtures, 'tiny-bert-bf16.safetensors') });
  const onnx = await compiled({ 'pytorch_model.bin': join(fixtures, 'tiny-bert-bf16-zip.bin') });
  expect(onnx.equals(reference)).toBe(true);
});
