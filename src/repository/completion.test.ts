import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { completeModel, completionContext, readModel } from './index.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-completion-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function model(files: Record<string, string>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'm', path)), { recursive: true });
    await writeFile(join(root, 'm', path), text);
  }
  return readModel(join(root, 'm'), { inspect: true });
}

test('the folder that sorts first as text decides the backend, even when it is no version', async () => {
  const entry = await model({ '10/model.onnx': '', '10/data/a.bin': '', '10/data/b.bin': '', '9/model.py': '' });
  expect(completionContext(entry).versionFiles).toEqual(['data/', 'model.onnx']);
  expect(completeModel(entry).config.backend).toBe('onnxruntime');
  const hidden = await model({ '.x/model.plan': '' });
  expect(completionContext(hidden).versionFiles).toEqual([]);
});

test('a model without config.pbtxt is completed from nothing, on the host that is given', async () => {
  const entry = await model({ '1/model.py': '' });
  const { config } = completeModel(entry, { gpus: [0] });
  expect(config).toMatchObject({ name: 'm', backend: 'python', default_model_filename: 'model.py' });
  expect(config.instance_group).toEqual([{ name: 'm', kind: 'KIND_GPU', count: 1, gpus: [0] }]);
});

test('the ONNX header is that of the highest served version', async () => {
  const { readFile } = await import('node:fs/promises');
  const onnx = (name: string) => readFile(new URL(`../../test/fixtures/onnx/${name}.onnx`, import.meta.url), 'latin1');
  const files = { '1/model.onnx': await onnx('add'), '2/model.onnx': await onnx('row_sum') };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'm', path)), { recursive: true });
    await writeFile(join(root, 'm', path), text, 'latin1');
  }
  const latest = await readModel(join(root, 'm'), { inspect: true });
  expect(completionContext(latest).onnx).toBe(latest.versions[1]!.onnx);
  await writeFile(join(root, 'm/config.pbtxt'), 'version_policy { specific { versions: 1 } }');
  const first = await readModel(join(root, 'm'), { inspect: true });
  expect(completionContext(first).onnx).toBe(first.versions[0]!.onnx);
  expect(completionContext(first).onnx).toBeDefined();
});
