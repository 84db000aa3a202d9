import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from './run.ts';
import { conch } from './testing.ts';

let models: string;
const config = (line: string) =>
  `name: "m"\nbackend: "python"\n${line}\ninput [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]\noutput [ { name: "y" data_type: TYPE_FP32 dims: [ 4 ] } ]\ninstance_group [ { kind: KIND_CPU count: 1 } ]\n`;

beforeEach(async () => {
  models = await mkdtemp(join(tmpdir(), 'conch check-'));
  await mkdir(join(models, 'm/1'), { recursive: true });
  await writeFile(join(models, 'm/1/model.py'), 'class TritonPythonModel:\n    pass\n');
});
afterEach(() => rm(models, { recursive: true, force: true }));

test('an error is shown with its line, a caret and the fix; the exit code is 1', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('max_batchsize: 8'));
  const { code, out } = await conch('check', models);
  expect(out).toContain('m/config.pbtxt:3:1 error');
  expect(out).toContain('  3 | max_batchsize: 8\n    | ^');
  expect(out).toContain('1 model, 1 refused: 1 error, 0 warnings');
  expect(code).toBe(1);
});

test('--fix writes what needs no decision and checks again', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('max_batchsize: 8 # keep me'));
  const { code, err } = await conch('check', models, '--fix');
  expect(err).toContain('m/config.pbtxt: 1 fix applied');
  expect(await readFile(join(models, 'm/config.pbtxt'), 'utf8')).toContain('max_batch_size: 8 # keep me');
  expect(code).toBe(0);
});

test('--fix goes on until nothing is left, keeps the bytes of comments, and permissions', async () => {
  const file = join(models, 'm/config.pbtxt');
  const before = Buffer.concat([
    Buffer.from('# caf'),
    Buffer.from([0xe9]),
    Buffer.from('\n// "quoted"\nmax_batchsiz: 8, max_batchsiz: 8\r\n'),
    Buffer.from(config('')),
  ]);
  await writeFile(file, before, { mode: 0o640 });
  const { code, err } = await conch('check', models, '--fix');
  const after = await readFile(file);
  expect(after.subarray(0, 6)).toEqual(before.subarray(0, 6));
  expect(after.toString('latin1')).toContain('# "quoted"\nmax_batch_size: 8');
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect(err).toMatch(/m\/config\.pbtxt: \d fixes applied\n$/);
  const again = await conch('check', models, '--fix');
  expect([again.code, again.err]).toEqual([code, 'nothing that can be fixed without a decision\n']);
  expect(await readFile(file)).toEqual(after);
});

test('--fix of a file that cannot be written says so', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('max_batchsize: 8'));
  await chmod(join(models, 'm'), 0o555);
  const { code, err } = await conch('check', models, '--fix');
  await chmod(join(models, 'm'), 0o755);
  // The superuser may write everywhere.
  if (process.getuid?.() === 0) expect(code).toBe(0);
  else expect([code, err]).toEqual([2, expect.stringMatching(/config\.pbtxt cannot be written: permission denied$/m)]);
});

test('a repository that is a file is refused with where to go', async () => {
  const file = join(models, 'm/config.pbtxt');
  await writeFile(file, config(''));
  const { code, err } = await conch('check', file);
  expect(code).toBe(2);
  expect(err).toContain(
    `is a file, expected a folder\n  fix: name the folder that holds <model>/config.pbtxt: ${models}`,
  );
});

test('--model-config-name checks the file that a server with that flag reads', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config(''));
  await mkdir(join(models, 'm/configs'));
  await writeFile(join(models, 'm/configs/prod.pbtxt'), config('max_batchsize: 8'));
  expect((await conch('check', models)).code).toBe(0);
  const { code, out } = await conch('check', models, '--model-config-name', 'prod');
  expect(out).toContain('m/configs/prod.pbtxt:3:1 error');
  expect(code).toBe(1);
});

test('--json follows the contract', async () => {
  await writeFile(
    join(models, 'm/config.pbtxt'),
    config('max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }'),
  );
  const { code, out } = await conch('check', models, '--json', '--target', '26.07');
  const report = JSON.parse(out);
  expect(report).toMatchObject({ target: 'triton:26.07', models: { m: { verdict: 'refused', errors: 1 } } });
  expect(report.diagnostics.find((one: { severity: string }) => one.severity === 'error')).toMatchObject({
    model: 'm',
    line: 3,
    file: expect.stringContaining('config.pbtxt'),
  });
  expect(code).toBe(1);
});

test('--gpus decides whether a GPU model loads', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('').replace('KIND_CPU', 'KIND_GPU'));
  expect((await conch('check', models, '--gpus', '0')).code).toBe(0);
  expect((await conch('check', models, '--gpus', 'none')).code).toBe(1);
  expect((await conch('check', models, '--gpus', 'all')).err).toContain(
    "--gpus: expected GPU ids like 0,1 or none, got 'all'",
  );
});

test('--cores decides whether instances take turns; without it this machine counts', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('').replace('count: 1', 'count: 8'));
  expect((await conch('check', models, '--cores', '4')).out).toContain('8 CPU instances share 4 cores');
  expect((await conch('check', models, '--cores', '8')).out).not.toContain('CPU instances share');
  expect((await conch('check', models, '--cores', '0')).err).toContain('--cores: expected a whole number from 1');
  await writeFile(join(models, 'm/config.pbtxt'), config('').replace('count: 1', 'count: 100000'));
  expect((await conch('check', models)).out).toContain('100000 CPU instances share');
});

test('an unknown target lists the known ones', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config(''));
  const { code, err } = await conch('check', models, '--target', 'triton:99.01');
  expect(err).toContain('99.01');
  expect(err).toContain('26.07');
  expect(code).toBe(2);
});

test('--watch reports again when a file changes, and ends with the last state', async () => {
  await writeFile(join(models, 'm/config.pbtxt'), config('max_batchsize: 8'));
  const stop = new AbortController();
  const reports: string[] = [];
  const code = await run(['check', models, '--watch', '--quiet'], {
    stdout: {
      write: (text: string) => {
        reports.push(text);
        if (text.includes('all load')) stop.abort();
        else if (reports.length === 1) void writeFile(join(models, 'm/config.pbtxt'), config('max_batch_size: 8'));
      },
    },
    stderr: { write: () => {} },
    signal: stop.signal,
  });
  expect(reports[0]).toContain('1 refused');
  expect(code).toBe(0);
});

test('--watch and --fix exclude each other', async () => {
  const { code, err } = await conch('check', models, '--watch', '--fix');
  expect(err).toContain('--watch and --fix exclude each other');
  expect(code).toBe(2);
});
