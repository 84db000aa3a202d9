import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asLines, type Cell, type Notebook } from '../scripts/notebook.ts';
import { nodeProgram } from './node-program.ts';

// Every cell by tslab's own converter and executor, as its Jupyter kernel would run it.
const root = resolve(import.meta.dirname, '..');
const runner = join(root, 'scripts/run-notebooks.ts');
const names = readdirSync(join(root, 'notebooks')).filter((name) => name.endsWith('.ipynb'));
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Notebook;
const code = ({ cells }: Notebook) => cells.filter(({ cell_type }) => cell_type === 'code');
const kinds = (cells: readonly Cell[]) =>
  cells.flatMap(({ outputs = [] }) => outputs.map((one) => Object.keys('data' in one ? one.data : {})));
const texts = (cells: readonly Cell[]) => JSON.stringify(cells.map(({ outputs }) => outputs));

// `npm run test:torch`: an environment that `conch env` made.
const torch = process.env.CONCH_TORCH;
const withTorch = { CONCH_ENVIRONMENT: torch ?? '', CONCH_PYTHON: '' };

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'conch-notebooks-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

test('all of the four are there', () => {
  const wanted = [
    '00_test_proxy_output',
    '01_compile_pt_simple_net',
    '02_compile_onnx_finbert',
    '03_instances_and_memory',
  ];
  expect(names).toEqual(wanted.map((name) => `${name}.ipynb`));
});

describe.each(names)('%s', (name) => {
  const path = join(root, 'notebooks', name);

  test('is for the kernel tslab, and is kept with its outputs and plots', () => {
    const kept = read(path);
    expect(kept.metadata.kernelspec).toMatchObject({ name: 'tslab' });
    expect(code(kept).map(({ execution_count }) => execution_count)).toEqual(code(kept).map((_, at) => at + 1));
    expect(texts(code(kept))).toContain('<svg');
    expect(texts(code(kept))).not.toMatch(/\/(tmp|home|root|Users)\//);
  });

  test('runs from its first cell to its last', async () => {
    const out = join(work, name);
    const env = { ...process.env, ...withTorch, TMPDIR: work, CONCH_CACHE: join(work, 'cache') };
    await promisify(execFile)(process.execPath, [runner, path, out], { cwd: root, env });
    expect(code(read(out)).map(({ source }) => source)).toEqual(code(read(path)).map(({ source }) => source));
    expect(kinds(code(read(out)))).toContainEqual(['text/html']);
    expect(texts(code(read(out)))).toContain('<svg');
    expect(readdirSync(work).filter((left) => left.startsWith('conch-notebook-'))).toEqual([]);
  });
});

test.runIf(torch)('with PyTorch its exports are served and answer as the module did', () => {
  const done = texts(code(read(join(work, '01_compile_pt_simple_net.ipynb'))));
  expect(done).not.toContain('skipped');
  for (const model of ['exported', 'exported-torchscript', 'simple_net']) {
    expect(done).toContain(`${model}: 29 rows, all within 1e-4: true`);
  }
});

test.skipIf(torch)('without PyTorch the first notebook says what was skipped and how to have it', async () => {
  const done = texts(code(read(join(work, '01_compile_pt_simple_net.ipynb'))));
  expect(done).toMatch(/skipped: the export by PyTorch \(no PyTorch environment: run {2}npm run -s conch -- env/);
});

test("the kernel that Jupyter is told of is the checkout's tslab, on the Node.js that the checkout brings", async () => {
  const [bin, data] = [join(work, 'bin'), join(work, 'a data dir')];
  await mkdir(bin);
  const says = `process.stdout.write(process.argv[2] === '--data-dir' ? ${JSON.stringify(data)} + '\\n' : '')`;
  await writeFile(join(bin, 'jupyter'), nodeProgram(says), { mode: 0o755 });
  const install = (PATH: string) =>
    promisify(execFile)(process.execPath, [join(root, 'scripts/install-kernel.ts')], { env: { ...process.env, PATH } });
  const file = join(data, 'kernels/tslab/kernel.json');
  expect((await install(bin)).stdout).toBe(`new: ${file}\n`);
  const { argv, language } = JSON.parse(readFileSync(file, 'utf8'));
  expect(language).toBe('typescript');
  expect(argv.slice(2)).toEqual(['kernel', '--config-path', '{connection_file}']);
  const { stdout } = await promisify(execFile)(argv[0], [argv[1], '--version']);
  expect(stdout).toMatch(/^tslab 1\./);
  const none = join(work, 'none');
  await expect(install(none)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('install JupyterLab') });
});

test.each([
  ['a cell that throws', "throw new Error('broken')", /cell 2 failed:[\s\S]*broken/],
  ['a cell with a wrong type', 'const text: string = value;', /cell 2 failed:[\s\S]*Type 'number' is not assignable/],
])('%s ends the run with its number', async (_, source, message) => {
  const cell = (id: string, text: string): Cell => ({ cell_type: 'code', id, source: asLines(text), metadata: {} });
  const cells = [cell('a', 'const value = 1;'), cell('b', source)];
  const path = join(work, 'bad.ipynb');
  await writeFile(path, JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
  const failed = promisify(execFile)(process.execPath, [runner, path, join(work, 'bad-out.ipynb')]);
  await expect(failed).rejects.toThrow(message);
});
