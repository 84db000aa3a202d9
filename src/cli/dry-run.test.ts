import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conch } from './testing.ts';

const examples = join(import.meta.dirname, '../../examples');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-dry-run-'));
  vi.stubEnv('CONCH_CACHE', join(dir, 'cache'));
  await cp(join(examples, 'finbert/checkpoint'), join(dir, 'finbert'), { recursive: true });
  await cp(join(examples, 'simple_net/weights.safetensors'), join(dir, 'weights.safetensors'));
  const models = {
    finbert: { checkpoint: './finbert', precision: 'fp16', max_length: 64, tensorrt: {} },
    net: { weights: './weights.safetensors', layers: [{ name: 'net.0', activation: 'relu' }, { name: 'net.2' }] },
  };
  const text = `export default ${JSON.stringify({ target: 'triton:26.07', models })};\n`;
  await writeFile(join(dir, 'conch.config.mjs'), text);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const image = 'nvcr.io/nvidia/tritonserver:26.07-py3';
const shapes = (shape: string) =>
  ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => `${name}:${shape}`).join(',');

test('--dry-run prints the command lines of a plan, and builds nothing', async () => {
  const { code, out } = await conch('compile', '--file', join(dir, 'conch.config.mjs'), '--dry-run');
  expect(code).toBe(0);
  const lines = out
    .replaceAll(dir, 'DIR')
    .replaceAll(/finbert-model-[0-9a-f]{8}/g, 'finbert-model-HASH')
    .split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'finbert-model: model.plan for triton:26.07, TensorRT what the image of triton:26.07 has; model.onnx will lie in DIR/cache/tensorrt/finbert-model-HASH',
    `docker run --rm --entrypoint printenv ${image}`,
    `docker run --rm --name conch-finbert-model-HASH --gpus all -v DIR/cache/tensorrt/finbert-model-HASH:/work ${image} /usr/src/tensorrt/bin/trtexec --onnx=/work/model.onnx --saveEngine=/work/model.plan --stronglyTyped --noTF32 --minShapes=${shapes('1x1')} --optShapes=${shapes('32x64')} --maxShapes=${shapes('32x64')} --timingCacheFile=/work/timing.cache --skipInference`,
  ]);
  expect(lines.at(-2)).toBe('net: built by conch itself, no commands');
  const { code: missing } = await conch('check', join(dir, 'models'));
  expect(missing).toBe(2);
});

test('--dry-run --json gives the same as lists', async () => {
  const { code, out } = await conch('compile', '--file', join(dir, 'conch.config.mjs'), '--dry-run', '--json');
  expect(code).toBe(0);
  const { models, target, repository } = JSON.parse(out);
  expect([target, repository]).toEqual(['triton:26.07', join(dir, 'models')]);
  expect(models[0]).toMatchObject({
    ...{ name: 'finbert-model', target: 'triton:26.07', tensorrt: null, plans: [{ plan: 'model.plan' }] },
    profiles: [{ min: { batch: 1, sequence: 1 }, opt: { batch: 32, sequence: 64 }, max: { batch: 32, sequence: 64 } }],
  });
  const [environment, build, ...runs] = models[0].steps;
  expect(environment).toEqual({
    does: 'environment',
    command: ['docker', 'run', '--rm', '--entrypoint', 'printenv', image],
    shell: `docker run --rm --entrypoint printenv ${image}`,
  });
  expect(build.command.slice(-2)).toEqual(['--timingCacheFile=/work/timing.cache', '--skipInference']);
  expect(runs.map(({ does }: { does: string }) => does)).toEqual(['run', 'run', 'run']);
  expect(models[1]).toEqual({ name: 'net', steps: [] });
});
