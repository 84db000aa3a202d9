import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadDeployment } from '../compile/index.ts';
import { templateNames } from './init/templates.ts';
import { conch } from './testing.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-init-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test.each(templateNames)('%s writes a deployment file that conch reads', async (template) => {
  const { code, err } = await conch('init', dir, '--template', template, '--name', 'my-model');
  expect([code, err]).toEqual([0, '']);
  const { deployment } = await loadDeployment(join(dir, 'conch.config.ts'));
  expect(Object.keys(deployment.models)).toEqual(['my-model']);
});

test('the example of text-classification compiles, and what it becomes passes the check', async () => {
  expect((await conch('init', dir, '--yes')).code).toBe(0);
  const models = join(dir, 'models');
  expect((await conch('compile', '--file', join(dir, 'conch.config.ts'), '--quiet')).code).toBe(0);
  expect((await conch('check', models)).code).toBe(0);
  expect((await readdir(models)).sort()).toEqual(['sentiment', 'sentiment-model', 'sentiment-tokenizer']);
});

test('a source takes the place of the example', async () => {
  await conch('init', dir, '--template', 'text-classification', '--source', 'org/model');
  const text = await readFile(join(dir, 'conch.config.ts'), 'utf8');
  expect(text).toContain("checkpoint: 'org/model'");
  expect(existsSync(join(dir, 'checkpoint'))).toBe(false);
});

test('a placeholder that nobody filled is an error that names it', async () => {
  await conch('init', dir, '--template', 'onnx');
  const { code, err } = await conch('compile', '--file', join(dir, 'conch.config.ts'));
  expect(code).toBe(2);
  expect(err).toContain('no file at ./model.onnx');
});

test.each(['conch.config.ts', 'conch.config.mjs', 'net.py'])(
  '%s is never overwritten, and nothing else written',
  async (name) => {
    await writeFile(join(dir, name), 'mine');
    const { code, err } = await conch('init', dir, '--template', 'pytorch');
    expect(code).toBe(2);
    expect(err).toContain(`${name} is there already; nothing was written`);
    expect(await readdir(dir)).toEqual([name]);
    expect(await readFile(join(dir, name), 'utf8')).toBe('mine');
  },
);

test('a .gitignore of the folder stays', async () => {
  await writeFile(join(dir, '.gitignore'), 'mine');
  const { code, out } = await conch('init', dir, '--template', 'onnx', '--json');
  expect([code, JSON.parse(out).files]).toEqual([0, ['conch.config.ts']]);
  expect(await readFile(join(dir, '.gitignore'), 'utf8')).toBe('mine');
});

test('names that Triton or TypeScript would trip over are refused', async () => {
  const { code, err } = await conch('init', dir, '--template', 'onnx', '--name', 'a/b');
  expect([code, await readdir(dir)]).toEqual([2, []]);
  expect(err).toContain("'a/b' cannot be a model's name");
});

test.skipIf(process.platform !== 'linux')('a folder that cannot be made is named', async () => {
  const { code, err } = await conch('init', '/proc/nowhere', '--template', 'onnx');
  expect(code).toBe(2);
  expect(err).toContain('error: /proc/nowhere/');
});
