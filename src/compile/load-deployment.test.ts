import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDeployment, findDeploymentFile, loadDeployment } from './load-deployment.ts';

const net = { module: './net.py:Net', inputs: [{ name: 'x', datatype: 'FP32', dims: [4] }] };
const mlp = { weights: 'w.safetensors', layers: [{ name: 'net.0' }] };

async function file(text: string, name = 'conch.config.ts'): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'conch deployment-')), name);
  await writeFile(path, text);
  return path;
}

test('a deployment file is imported, checked, and knows its folder', async () => {
  const path = await file(`export default { models: { a: ${JSON.stringify(mlp)} } };`);
  const loaded = await loadDeployment(path);
  expect(loaded.file).toBe(path);
  expect(loaded.baseDir).toBe(join(path, '..'));
  expect(loaded.deployment.models.a).toEqual(mlp);
  expect(findDeploymentFile(loaded.baseDir)).toBe(path);
});

test('a missing file says what else can be done', async () => {
  await expect(loadDeployment('/nowhere/conch.config.ts')).rejects.toThrow(
    'no deployment file at /nowhere/conch.config.ts',
  );
});

test('a file that throws or exports nothing is named', async () => {
  const broken = await file('throw new Error("boom");');
  await expect(loadDeployment(broken)).rejects.toThrow(`${broken} cannot be run: boom`);
  const empty = await file('export const models = {};');
  await expect(loadDeployment(empty)).rejects.toThrow(`${empty} has no default export`);
});

test.each([
  [{ models: {} }, 'models: expected at least one model, got none'],
  [{}, 'models: invalid input: expected record, received undefined'],
  [{ models: { a: {} } }, "models.a: expected one of 'checkpoint', 'weights', 'module' and 'onnx', got only nothing"],
  [
    { models: { a: { ...mlp, checkpoint: 'x' } } },
    "models.a: expected one of 'checkpoint', 'weights', 'module' and 'onnx', got checkpoint and weights",
  ],
  [
    { models: { a: { checkpoint: 'x', max_batch_size: -1 } } },
    'models.a.max_batch_size: too small: expected number to be >=0',
  ],
  [{ models: { a: { checkpoint: 'x', max_batchsize: 8 } } }, 'models.a: unrecognized key: "max_batchsize"'],
  [{ models: { a: { ...mlp, layers: [] } } }, 'models.a.layers: too small: expected array to have >=1 items'],
  [
    { models: { a: { ...mlp, layers: [{ name: 'l', activation: 'relu6' }] } } },
    'models.a.layers.0.activation: invalid option',
  ],
  [{ models: { a: { ...net, module: './net.py:' } } }, 'models.a.module: '],
  [{ models: { a: { ...net, module: { file: 'net.txt' } } } }, 'models.a.module.file: expected a Python file'],
  [{ models: { a: { ...net, inputs: [] } } }, 'models.a.inputs: too small'],
  [
    { models: { a: { ...net, inputs: [{ name: 'x', datatype: 'BYTES', dims: [] }] } } },
    "models.a.inputs.0.datatype: 'BYTES' is no element type that Triton and PyTorch share",
  ],
  [
    { models: { a: { ...net, inputs: [{ name: 'x y', datatype: 'FP32', dims: [] }] } } },
    'models.a.inputs.0.name: expected letters, digits and underscores',
  ],
  [{ models: { a: { ...net, formats: ['tensorrt'] } } }, 'models.a.formats.0: '],
])('%j is refused', (value, message) => {
  expect(() => checkDeployment(value, 'conch.config.ts')).toThrow(`conch.config.ts: ${message}`);
});

test('a PyTorch module with all that can be said of it', () => {
  const all = {
    ...net,
    module: { file: './net.py', class: 'Net', args: { hidden: 8 } },
    inputs: [{ name: 'ids', datatype: 'TYPE_INT64', dims: ['sequence', -1], range: [0, 99] }],
    outputs: ['logits', { name: 'odds', datatype: 'FP32', dims: [2] }],
    formats: ['onnx'],
    sample: { ids: [[1, 2]] },
    state_dict: 'net.bin',
    timeout_seconds: 60,
    seed: 1,
  };
  expect(checkDeployment({ models: { a: all } }, 'f').models.a).toEqual(all);
});

test('every wrong field is reported at once', () => {
  const value = { models: { a: { checkpoint: '', version: 0 }, b: { weights: 1, layers: [] } } };
  expect(() => checkDeployment(value, 'f')).toThrow(/models\.a\.version.*models\.a\.checkpoint.*models\.b\.weights/);
});

test('a folder whose package.json says commonjs can still hold a TypeScript deployment file', async () => {
  const path = await file(
    "import { defineDeployment } from 'conch-triton';\nexport default defineDeployment({ models: {} });",
  );
  await writeFile(join(path, '../package.json'), '{ "type": "commonjs" }');
  const { spawnSync } = await import('node:child_process');
  const main = join(import.meta.dirname, '../main.ts');
  const { stderr, status } = spawnSync(process.execPath, [main, 'compile'], {
    cwd: join(path, '..'),
    encoding: 'utf8',
  });
  expect(stderr).toContain('models: expected at least one model, got none');
  expect(status).toBe(2);
});
