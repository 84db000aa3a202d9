import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nodeProgram } from '../../test/node-program.ts';
import type { CompareReport } from '../compile/index.ts';
import { run } from './run.ts';
import { conch } from './testing.ts';

const deployment = resolve(import.meta.dirname, '../../conch.config.ts');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-compared-'));
  vi.stubEnv('TMPDIR', dir);
  vi.stubEnv('CONCH_CACHE', join(dir, 'cache'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const compare = (...more: string[]) =>
  conch('compile', 'finbert', '--file', deployment, '--compare', '--rounds', '1', '--threads', '1', ...more);

/** A Python that has all packages but `without`, and whose builds fail. */
function fakePython(without: string): string {
  const path = join(dir, 'python3');
  const script = nodeProgram(`const [script, ...names] = process.argv.slice(2);
if (script.endsWith('versions.py')) {
  const packages = Object.fromEntries(names.map((name) => [name, name === '${without}' ? null : '1.0']));
  console.log(JSON.stringify({ version: '3.12.1', executable: process.argv[1], venv: true, packages }));
} else {
  console.log(JSON.stringify({ failed: 'ValueError: cannot be exported' }));
  process.exitCode = 1;
}
`);
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

test('variants are built, compared and timed; what cannot be says why; nothing stays', {
  timeout: 120_000,
}, async () => {
  const page = join(dir, 'pages/compare.html');
  const python = fakePython('nvidia-modelopt');
  const variants = 'packed-int8,onnxruntime-all,padded-fp32-no-runtime-passes,torch-export,modelopt-int8';
  const { code, out } = await compare('--json', '--variants', variants, '--html', page, '--python', python);
  expect(code).toBe(0);
  const report = JSON.parse(out) as CompareReport;
  expect(report).toMatchObject({
    ...{ model: 'finbert', target: 'triton:26.07', reference: 'padded-fp32', rounds: 1, threads: 1 },
    texts: { compared: 212, timed: 64 },
    versions: { 'onnxruntime-node': expect.stringMatching(/^1\./), python: '3.12.1', torch: '1.0' },
  });
  expect(report.sourceError).toBeLessThan(1e-4);
  const of = (id: string) => report.variants.find((variant) => variant.id === id)!;
  for (const id of ['padded-fp32', 'packed-int8', 'onnxruntime-all', 'padded-fp32-no-runtime-passes']) {
    const { build, speed, accuracy, notBuilt } = of(id);
    expect(notBuilt).toBeUndefined();
    expect(build!.bytes).toBeGreaterThan(8e6);
    for (const value of Object.values(speed!)) expect(value).toBeGreaterThan(0);
    expect(accuracy!.labelAgreement).toBe(1);
    expect(accuracy!.macroF1).toBeCloseTo(82.87, 1);
  }
  expect(of('packed-int8').accuracy!.worstError).toBeGreaterThan(0.01);
  expect(of('onnxruntime-all').accuracy!.worstError).toBeLessThan(1e-5);
  expect(of('torch-export').notBuilt!.reason).toBe('ValueError: cannot be exported');
  expect(of('modelopt-int8').notBuilt).toEqual({
    reason: `nvidia-modelopt[onnx] is not installed in ${python}`,
    fix: `${python} -m pip install 'nvidia-modelopt[onnx]'`,
  });
  expect(readFileSync(page, 'utf8')).toContain('<td>packed-int8</td>');
  expect(readdirSync(dir).sort()).toEqual(['cache', 'pages', 'python3']);
});

test('the table, and what is missing with the command; --keep keeps the files', { timeout: 120_000 }, async () => {
  const keep = join(dir, 'kept');
  vi.stubEnv('CONCH_PYTHON', '');
  const { code, out } = await compare('--variants', 'torchscript,torch-export', '--keep', keep);
  expect(code).toBe(0);
  expect(out).toMatch(/^ {2}variant +build s +size MB .*labels % +macro F1\n {2}padded-fp32 /);
  expect(out).toContain(
    'not built: torch-export, torchscript\n    this step needs PyTorch in Python: conch env was not run yet',
  );
  expect(out).toContain('fix: run `conch env`');
  expect(out).toContain('in 1 round that take turns');
  expect(readdirSync(keep)).toEqual(['padded-fp32']);
  expect(existsSync(join(keep, 'padded-fp32/model.onnx'))).toBe(true);
});

test('Ctrl-C ends the processes and leaves nothing', async () => {
  const interrupt = new AbortController();
  const code = await run(['compile', 'finbert', '--file', deployment, '--compare', '--variants', 'packed-fp16'], {
    stdout: { write: () => true },
    stderr: {
      write(text: string) {
        if (text.startsWith('ok build padded-fp32')) queueMicrotask(() => interrupt.abort());
        return true;
      },
    },
    signal: interrupt.signal,
  });
  expect(code).toBe(130);
  expect(readdirSync(dir).filter((name) => name.startsWith('conch-compare-'))).toEqual([]);
});

test.each([
  [['finbert', '--html', 'x.html'], '--html goes with --compare'],
  [['finbert', '--compare', '--precision', 'int8'], '--precision goes without --compare'],
  [['finbert', 'simple_net', '--compare'], '--compare takes one model, not 2'],
  [['simple_net', '--compare'], "--compare builds variants of checkpoints, and 'simple_net' is none"],
  [['nonsense', '--compare'], "the deployment has no model 'nonsense'; it has simple_net, finbert"],
  [['finbert', '--compare', '--variants', 'int8'], "no variant 'int8'; there are padded-fp32"],
  [['finbert', '--compare', '--rounds', '0'], '--rounds'],
])('%s is refused', async (argv, message) => {
  const { code, err } = await conch('compile', ...argv, '--file', deployment);
  expect(code).toBe(2);
  expect(err).toContain(message);
});
