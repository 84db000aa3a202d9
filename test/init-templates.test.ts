import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conch } from '../src/cli/testing.ts';
import { GraphBuilder, writeOnnx } from '../src/onnx/index.ts';

// What `conch init` writes goes the way that it names: filled, then `conch start`, which compiles, checks, serves and asks.
const root = resolve(import.meta.dirname, '..');
/** `npm run test:torch`: an environment that `conch env` made. */
const torch = process.env.CONCH_TORCH;
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-templates-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function init(template: string): Promise<void> {
  const { code, err } = await conch('init', dir, '--template', template);
  expect([code, err]).toEqual([0, '']);
}

async function start(): Promise<string> {
  const ports = ['--http-port', '0', '--metrics-port', '0', '--port', '0'];
  const file = join(dir, 'conch.config.ts');
  const { code, out, err } = await conch(
    'start',
    '--once',
    '--file',
    file,
    ...ports,
    '--quiet',
    '--log-level',
    'error',
  );
  expect([code, err]).toEqual([0, '']);
  return out;
}

/** A small checkpoint with a tokenizer of its words. */
async function placeCheckpoint(name: string): Promise<void> {
  const folder = join(dir, 'checkpoint');
  await cp(join(root, 'test/golden/encoders', name), folder, { recursive: true });
  const settings = 'tokenizer_config.json';
  await cp(join(root, 'examples/finbert/checkpoint', settings), join(folder, settings));
  const words = Array.from({ length: 55 }, (_, index) => `w${index}`);
  await writeFile(join(folder, 'vocab.txt'), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'));
}

test('text-embedding, with a sentence encoder in its place, answers with vectors', async () => {
  await init('text-embedding');
  await placeCheckpoint('sentence-mean');
  const out = await start();
  expect(out).toContain('3 models would load on triton:');
  expect(out).toMatch(/Helsinki\. -> \{"sentence_embedding": \[-?0\.\d+, .*, \.\.\. 16 in all\]\}/);
});

test.each(['bert-reranker', 'bert-token-classification'])(
  'a text model that gives no labels of texts (%s) is shown as it answers',
  async (name) => {
    await init('text-embedding');
    await placeCheckpoint(name);
    expect(await start()).toMatch(/Helsinki\. -> \{"logits": /);
  },
);

test('onnx, with a file in its place, answers zeros', async () => {
  await init('onnx');
  const graph = new GraphBuilder('plus', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', 2]);
  const flags = graph.input('flags', 'BOOL', ['batch', 'length']);
  graph.output('y', graph.node('Exp', [x]), ['batch', 2]);
  graph.output('not', graph.node('Not', [flags]), ['batch', 'length']);
  await writeOnnx(join(dir, 'model.onnx'), graph, { producer: { name: 'test', version: '1' } });
  const out = await start();
  expect(out).toContain('1 model, all load: 0 errors');
  expect(out).toContain('{"x": [0, 0], "flags": [false]} -> {"y": [1, 1], "not": [true]}');
});

test.runIf(torch)('pytorch, as it is, is exported and answers in both formats', async () => {
  vi.stubEnv('CONCH_ENVIRONMENT', torch);
  vi.stubEnv('CONCH_PYTHON', '');
  await init('pytorch');
  const out = await start();
  expect(out).toContain('2 models would load on triton:');
  expect(out).toMatch(/\{"x": \[0, 0, 0, 0\]\} -> \{"y": -?0\.\d+\}/);
});

test('where no example is bundled, as in the package, init says what to put where, and start what is missing', async () => {
  const bare = join(dir, 'package');
  for (const name of ['src', 'python', 'package.json'])
    await cp(join(root, name), join(bare, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(bare, 'node_modules'));
  const folder = join(dir, 'mine');
  const main = (...argv: string[]) =>
    promisify(execFile)(process.execPath, [join(bare, 'src/main.ts'), ...argv], {
      env: { ...process.env, NO_COLOR: '1' },
    });
  const { stdout } = await main('init', folder, '--template', 'text-classification');
  expect(stdout.split('\n').slice(0, -2)).toEqual(['new: conch.config.ts', 'new: .gitignore']);
  expect(stdout).toContain('put the folder of a text classifier (config.json, tokenizer, weights) at ./checkpoint');
  expect(stdout).toContain('such as ProsusAI/finbert, into conch.config.ts; then conch start');
  await expect(main('start', '--once', '--file', join(folder, 'conch.config.ts'))).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/the checkpoint folder .*mine\/checkpoint does not exist[\s\S]*ProsusAI\/finbert/),
  });
});
