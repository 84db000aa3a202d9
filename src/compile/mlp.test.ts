import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTarget } from '../onnx/index.ts';
import { activationNames } from './architectures/index.ts';
import { compileMlp, type MlpLayer, type MlpOptions } from './mlp.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let outDir: string;
let weights: string;
beforeEach(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'conch-mlp-'));
  weights = join(await mkdtemp(join(tmpdir(), 'conch-weights-')), 'weights.safetensors');
});
afterEach(async () => {
  await rm(outDir, { recursive: true, force: true });
  await rm(join(weights, '..'), { recursive: true, force: true });
});

async function save(tensors: Record<string, { shape: number[]; values: number[] }>): Promise<string> {
  const header: Record<string, object> = {};
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + 4 * values.length] };
    end += 4 * values.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const data = Float32Array.from(Object.values(tensors).flatMap(({ values }) => values));
  await writeFile(weights, Buffer.concat([size, text, new Uint8Array(data.buffer)]));
  return weights;
}

const compile = (layers: readonly MlpLayer[], options: Partial<MlpOptions> = {}) =>
  compileMlp({ weights, layers, outDir, target: findTarget('embedded'), ...options });

async function run(rows: number[][], [input, output]: [string, string] = ['x', 'prediction']): Promise<number[]> {
  const session = await InferenceSession.create(join(outDir, 'model.onnx'));
  const outputs = await session.run({
    [input]: new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, rows[0]!.length]),
  });
  await session.release();
  return Array.from(outputs[output]!.data as Float32Array);
}

test("the example's network predicts what PyTorch does", async () => {
  const compiled = await compile(
    [{ name: 'net.0', activation: 'relu' }, { name: 'net.2', activation: 'relu' }, { name: 'net.4' }],
    {
      weights: join(root, 'examples/simple_net/weights.safetensors'),
    },
  );
  expect(compiled).toMatchObject({
    inputs: [{ name: 'x', datatype: 'FP32', dims: [10] }],
    outputs: [{ name: 'prediction', datatype: 'FP32', dims: [1] }],
    files: ['model.onnx'],
    parameters: 897,
  });
  const lines = (await readFile(join(root, 'examples/simple_net/expected.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const expected = lines.flatMap(({ outputs }) => outputs.prediction.flat() as number[]);
  const predictions = await run(lines.flatMap(({ inputs }) => inputs.x));
  expect(Math.max(...predictions.map((value, row) => Math.abs(value - expected[row]!)))).toBeLessThan(1e-5);
});

test.each(['embedded', 'triton:24.01'])('every activation is that of transformers (%s)', async (target) => {
  const golden = JSON.parse(await readFile(join(root, 'test/golden/activations.json'), 'utf8'));
  await save({ 'one.weight': { shape: [1, 1], values: [1] } });
  expect(Object.keys(golden.y).sort()).toEqual(activationNames.filter((name) => name !== 'identity').sort());
  for (const activation of activationNames) {
    await compile([{ name: 'one', activation }], { target: findTarget(target) });
    const values = await run(golden.x.map((value: number) => [value]));
    const expected: number[] = golden.y[activation] ?? golden.x;
    const errors = values.map((value, index) => Math.abs(value - expected[index]!));
    expect(Math.max(...errors), activation).toBeLessThan(2e-6);
  }
});

test('names of the tensors, layers without bias, and a shared layer', async () => {
  await save({
    'a.weight': { shape: [2, 2], values: [1, 2, 3, 4] },
    'b.weight': { shape: [1, 2], values: [1, -1] },
    'b.bias': { shape: [1], values: [0.5] },
  });
  const compiled = await compile([{ name: 'a' }, { name: 'a' }, { name: 'b' }], { input: 'features', output: 'score' });
  expect(compiled.inputs[0]).toEqual({ name: 'features', datatype: 'FP32', dims: [2] });
  expect(await run([[1, 0]], ['features', 'score'])).toEqual([7 - 15 + 0.5]);
});

test.each<[string, MlpLayer[], Partial<MlpOptions>, string, string]>([
  ['no layers', [], {}, 'DEPLOYMENT_INVALID', 'an MLP needs at least one layer'],
  [
    'an unknown activation',
    [{ name: 'a', activation: 'rely' as never }],
    {},
    'DEPLOYMENT_INVALID',
    "layer a: there is no activation 'rely'",
  ],
  [
    'a missing layer',
    [{ name: 'c' }],
    {},
    'CHECKPOINT_INVALID',
    "weights.safetensors: tensor 'c.weight' of layer 'c' is missing",
  ],
  [
    'a weight of rank 1',
    [{ name: 'flat' }],
    {},
    'CHECKPOINT_INVALID',
    "tensor 'flat.weight' has shape [2] where a linear layer has [out, in]",
  ],
  [
    'sizes that do not meet',
    [{ name: 'a' }, { name: 'b' }],
    {},
    'CHECKPOINT_INVALID',
    "tensor 'b.weight' has shape [1,3] where [1,2] is expected (layer a gives 2 values)",
  ],
  [
    'a bias of another size',
    [{ name: 'd' }],
    {},
    'CHECKPOINT_INVALID',
    "tensor 'd.bias' has shape [2] where [1] is expected (the first layer)",
  ],
  [
    'one name for input and output',
    [{ name: 'a' }],
    { output: 'x' },
    'DEPLOYMENT_INVALID',
    "input and output are both called 'x'",
  ],
])('refused: %s', async (_, layers, options, code, problem) => {
  await save({
    'a.weight': { shape: [2, 2], values: [1, 2, 3, 4] },
    'b.weight': { shape: [1, 3], values: [1, 2, 3] },
    'd.weight': { shape: [1, 2], values: [1, 2] },
    'd.bias': { shape: [2], values: [1, 2] },
    'flat.weight': { shape: [2], values: [1, 2] },
  });
  const error = await compile(layers, options).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ConchError', code });
  expect(error.message).toContain(problem);
  expect(await readdir(outDir)).toEqual([]);
});

test('errors say what the file has', async () => {
  await save({ 'a.weight': { shape: [1, 1], values: [1] } });
  const error = await compile([{ name: 'net.0' }]).catch((thrown) => thrown);
  expect(error.fix).toBe('name layers of the file, which holds a.weight');
  await writeFile(weights, 'short');
  await expect(compile([{ name: 'a' }])).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' });
});
