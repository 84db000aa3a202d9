import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { environmentDir, type Progress } from '../../base/index.ts';
import { compileInterpreter, createEnvironment, inspectEnvironment } from '../index.ts';
import { FakeTools } from './testing/fake-python.ts';

let dir: string;
let cache: string;
let tools: FakeTools;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-environment-'));
  cache = join(dir, 'cache');
  tools = new FakeTools(join(dir, 'tools'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The variables of a process that finds only the fake programs. */
const env = (more: NodeJS.ProcessEnv = {}) => tools.env(cache, more);
const direct = ['numpy', 'onnx', 'onnxruntime', 'onnxscript', 'safetensors', 'torch'];

test('nothing is there at first, and saying so changes nothing', async () => {
  tools.python();
  const report = await inspectEnvironment({ env: env() });
  expect(report).toMatchObject({ dir: environmentDir(env()), complete: false });
  expect(report.dir).toMatch(/cache\/environments\/compile-[0-9a-f]{12}$/);
  expect(report.packages.map(({ name }) => name)).toEqual(direct);
  expect(report.missing).toContainEqual(expect.stringMatching(/^torch 2\./));
  expect(report.python).toBeUndefined();
  expect(existsSync(cache)).toBe(false);
});

test('with venv and pip: pinned by hash, PyTorch last, once', async () => {
  tools.python();
  const report = await createEnvironment({ env: env() });
  expect(report).toMatchObject({ complete: true, installer: 'pip', missing: [], python: { version: '3.12.1' } });
  const pip = 'python3 -m pip install --no-input --progress-bar off --no-deps --require-hashes -r';
  expect(tools.log()).toEqual([
    `python3 -m venv --clear ${report.dir}`,
    `${pip} requirements.txt`,
    `${pip} torch.txt`,
    'python3 -c import torch, onnx, onnxscript, onnxruntime',
  ]);
  expect(readFileSync(`${report.dir}.log`, 'utf8')).toContain('Collecting torch==2.');
  expect(existsSync(`${report.dir}.lock`)).toBe(false);
  expect(await createEnvironment({ env: env() })).toEqual(report);
  expect(tools.log()).toHaveLength(4);
  await createEnvironment({ env: env(), force: true });
  expect(tools.log()).toHaveLength(8);
});

test('with uv where there is one, which also finds a Python', async () => {
  tools.uv();
  const report = await createEnvironment({ env: env() });
  expect(report).toMatchObject({ complete: true, installer: 'uv' });
  expect(tools.log().slice(1, 3)).toEqual([
    `uv venv --allow-existing --python >=3.11,<3.15 ${report.dir}`,
    `uv pip install --compile-bytecode --python ${report.python!.command} --no-deps --require-hashes -r requirements.txt`,
  ]);
});

test('PyTorch from another index: the pinned version, whose builds have other hashes', async () => {
  tools.python();
  const report = await createEnvironment({ env: env(), torchIndex: 'https://wheels.example/cpu' });
  expect(tools.log().at(-2)).toMatch(/--no-deps --index-url https:\/\/wheels\.example\/cpu torch==2\.\d+\.\d+$/);
  expect(report.complete).toBe(true);
  expect(report.packages.find(({ name }) => name === 'torch')?.found).toMatch(/\+cpu$/);
});

test('what was cut off goes on where it stopped', async () => {
  tools.python().failWith('ERROR: Could not install packages due to an OSError: Read timed out.');
  await expect(createEnvironment({ env: env() })).rejects.toMatchObject({
    code: 'ENVIRONMENT_FAILED',
    message: expect.stringContaining('pip could not install packages: the package index cannot be reached (ERROR: '),
    fix: expect.stringContaining('PIP_INDEX_URL'),
  });
  expect(await inspectEnvironment({ env: env() })).toMatchObject({ complete: false, python: { version: '3.12.1' } });
  tools.failWith(undefined);
  expect(await createEnvironment({ env: env() })).toMatchObject({ complete: true });
  expect(tools.log().filter((call) => call.includes('-m venv'))).toHaveLength(1);
});

test.each([
  ['OSError: [Errno 28] No space left on device', 'the disk is full', 'CONCH_CACHE'],
  ['ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM', 'a package is not the one that is pinned', 'mirror'],
  ['ERROR: No matching distribution found for torch==2', 'there are no packages for this Python', '--python'],
  ['PermissionError: [Errno 13] Permission denied', 'the folder cannot be written', 'CONCH_CACHE'],
  ['Traceback', 'exit code 1 (Traceback)', 'running `conch env` again'],
])('an installer that says "%s"', async (said, problem, fix) => {
  tools.python().failWith(said);
  await expect(createEnvironment({ env: env() })).rejects.toMatchObject({
    code: 'ENVIRONMENT_FAILED',
    message: expect.stringContaining(problem),
    fix: expect.stringContaining(fix),
  });
});

test.each<[string, () => unknown, string, string]>([
  ['no Python', () => {}, 'there is no Python', 'uv'],
  [
    'an old one',
    () => tools.python({ version: '3.9.2' }),
    'Python 3.11 to 3.14 is needed: python3 is 3.9.2',
    '--python',
  ],
  ['one of tomorrow', () => tools.python({ version: '3.15.0' }), 'python3 is 3.15.0', '--python'],
  ['one without venv', () => tools.python({ venv: false }), 'python3 is 3.12.1 without venv', 'python3-venv'],
])('%s is told before anything is made', async (_, prepare, problem, fix) => {
  prepare();
  await expect(createEnvironment({ env: env() })).rejects.toMatchObject({
    code: 'ENVIRONMENT_FAILED',
    message: expect.stringContaining(problem),
    fix: expect.stringContaining(fix),
  });
  expect(existsSync(environmentDir(env()))).toBe(false);
});

test('a disk that is too small is told before gigabytes are fetched', async () => {
  tools.python();
  await expect(createEnvironment({ env: env(), neededBytes: 1e18 })).rejects.toMatchObject({
    code: 'ENVIRONMENT_FAILED',
    message: expect.stringMatching(/of disk are needed for the environment in .*; .* are free$/),
    fix: expect.stringContaining('--torch-index'),
  });
  expect(tools.log()).toEqual([]);
});

test('a package in another version than the pinned one is missing, and comes back', async () => {
  tools.python();
  const { dir: made } = await createEnvironment({ env: env() });
  const file = join(made, 'installed.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), onnx: '1.0.0' }));
  const report = await inspectEnvironment({ env: env() });
  expect(report.complete).toBe(false);
  expect(report.missing).toEqual([expect.stringMatching(/^onnx 1\.\d+\.\d+$/)]);
  expect(report.packages.find(({ name }) => name === 'onnx')).toMatchObject({ found: '1.0.0' });
  expect(await createEnvironment({ env: env() })).toMatchObject({ complete: true });
});

test('two at a time: the second says who is at work; what a killed one left does not count', async () => {
  tools.python();
  const lock = `${environmentDir(env())}.lock`;
  await mkdir(dirname(lock), { recursive: true });
  await writeFile(lock, String(process.pid));
  await expect(createEnvironment({ env: env() })).rejects.toThrow(`process ${process.pid} is filling`);
  await writeFile(lock, String(2 ** 30));
  expect(await createEnvironment({ env: env() })).toMatchObject({ complete: true });
});

test('progress goes by packages; an abort ends it', async () => {
  tools.python();
  const told: string[] = [];
  const progress: Progress = {
    start: (title) => ({
      update: (fraction, detail) => told.push(`${title} ${Math.round(fraction! * 100)} ${detail}`),
      done: () => told.push(`${title} done`),
      fail: () => told.push(`${title} failed`),
    }),
  };
  await createEnvironment({ env: env(), progress });
  expect(told).toContain('environment done');
  expect(told).toContainEqual(expect.stringMatching(/^PyTorch 100 triton==/));
  await rm(cache, { recursive: true });
  const reason = new Error('enough');
  await expect(createEnvironment({ env: env(), signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

const packages = Object.fromEntries(direct.map((name) => [name, '1.0']));

test('compile steps take --python, else CONCH_PYTHON where it has the packages, else the environment', async () => {
  const own = new FakeTools(join(dir, 'own')).python({ packages });
  const bare = new FakeTools(join(dir, 'bare')).python();
  const python = (fake: FakeTools) => join(fake.bin, 'python3');
  expect(await compileInterpreter({ env: env({ CONCH_PYTHON: python(own) }) })).toMatchObject({ command: python(own) });
  await expect(compileInterpreter({ env: env({ CONCH_PYTHON: python(bare) }) })).rejects.toMatchObject({
    code: 'ENVIRONMENT_MISSING',
    message: `this step needs PyTorch in Python: CONCH_PYTHON (${python(bare)}) has no ${direct.join(', ')}; conch env was not run yet`,
    fix: expect.stringContaining('conch env'),
  });
  tools.python();
  const { python: made } = await createEnvironment({ env: env() });
  for (const more of [{}, { CONCH_PYTHON: python(bare) }]) {
    expect(await compileInterpreter({ env: env(more) })).toMatchObject({ command: made!.command });
  }
  await expect(compileInterpreter({ env: env(), python: '/none/python3' })).rejects.toThrow(
    '--python (/none/python3) is no Python 3 that can be started',
  );
});
