import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findTarget, GraphBuilder, writeOnnx } from '../onnx/index.ts';
import { openRepository } from '../repository/index.ts';
import { check, formatSarif, verdicts } from './index.ts';
import type { ModelRule } from './rule.ts';
import { ensemble, type Files, findings, member, python, snapshot, step } from './testing.ts';

/** A repository on disk in a temporary folder, read back. */
async function onDisk(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'conch-check-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(path.endsWith('/') ? join(root, path) : dirname(join(root, path)), { recursive: true });
    if (!path.endsWith('/')) await writeFile(join(root, path), content);
  }
  return { root, read: () => openRepository(root, { inspect: true }) };
}

const rule = (findingsOf: ModelRule['check'], more: Partial<ModelRule> = {}): ModelRule => ({
  code: 'test/rule',
  severity: 'error',
  summary: 'Something.',
  why: 'Because it is so.',
  fix: 'do something',
  check: findingsOf,
  ...more,
});

test('a finding points at its field, else at what encloses it, else at the name, else at the top', () => {
  const files: Files = {
    'm/config.pbtxt': 'backend: "python"\nname: "m"\ninput { name: "x" }\n',
    'n/config.pbtxt': '',
  };
  const places = ['input[0].name', 'input[0].dims[2]', 'input[3].name', 'output', undefined].map((path) => {
    const rules = [rule(() => [path === undefined ? { message: 'm' } : { message: 'm', path }])];
    return findings(files, {}, { rules }).map((line) => line.split(' ')[0]);
  });
  expect(places).toEqual([
    ['m/config.pbtxt:3:15', 'n/config.pbtxt:1:1'],
    ['m/config.pbtxt:3:1', 'n/config.pbtxt:1:1'],
    ['m/config.pbtxt:3:1', 'n/config.pbtxt:1:1'],
    ['m/config.pbtxt:2:7', 'n/config.pbtxt:1:1'],
    ['m/config.pbtxt:2:7', 'n/config.pbtxt:1:1'],
  ]);
});

test("a finding's own fix and severity go before the rule's", () => {
  const own = rule(() => [{ message: 'a', fix: 'do that', severity: 'info' }, { message: 'b' }]);
  const found = check(snapshot(python()), undefined, { rules: [own] });
  expect(found.map(({ severity, fix, model }) => [severity, fix, model])).toEqual([
    ['info', { text: 'do that' }, 'm'],
    ['error', { text: 'do something' }, 'm'],
  ]);
});

test('errors at load refuse a model, errors at the first request do not', () => {
  const repository = snapshot({ ...python(), ...member('n') });
  const late = rule((model) => (model.name === 'm' ? [{ message: 'late' }] : []), { stage: 'request' });
  // Verdicts go by the real rules, so a code of one is borrowed.
  const code = 'sequence/state-incomplete';
  const found = check(repository, undefined, { rules: [{ ...late, code }] });
  expect(verdicts(repository, found)).toEqual({
    m: { verdict: 'loads', errors: 1, warnings: 0 },
    n: { verdict: 'loads', errors: 0, warnings: 0 },
  });
  const early = check(repository, undefined, { rules: [rule(() => [{ message: 'early' }])] });
  expect(verdicts(repository, early).m).toEqual({ verdict: 'refused', errors: 1, warnings: 0 });
});

test('an error at the first request does not keep an ensemble from its member', () => {
  const state = 'max_batch_size: 8\nsequence_batching { state { input_name: "h" } }';
  const found = findings(ensemble([step('a', 'x', 'x', 'y', 'y')], member('a', state)));
  expect(found.filter((line) => line.includes('error'))).toEqual([
    "a/config.pbtxt:5:21 error [sequence/state-incomplete] state 'h' has no output_name, data_type, dims",
  ]);
});

test('findings come in the order of models, lines and codes, the same every time', () => {
  const files = { ...python('max_batch_size: -1\nname: "x"'), ...member('a', 'max_batch_size: -2') };
  const found = findings(files);
  expect(found.map((line) => line.split(' ')[0])).toEqual([
    'a/config.pbtxt:4:17',
    'm/config.pbtxt:4:17',
    'm/config.pbtxt:5:7',
  ]);
  expect(findings(Object.fromEntries(Object.entries(files).reverse()))).toEqual(found);
});

test('checking changes nothing in the snapshot', () => {
  const repository = snapshot(ensemble([step('a', 'x', 'x', 'y', 'y')], member('a')));
  const before = structuredClone(repository.models.map((entry) => entry.parsed?.config));
  check(repository);
  expect(repository.models.map((entry) => entry.parsed?.config)).toEqual(before);
});

test('a repository on disk: folders, links and a hidden folder', async () => {
  const good = python('name: "m"');
  const { root, read } = await onDisk({
    'm/config.pbtxt': String(good['m/config.pbtxt']),
    'm/1/model.py': 'pass',
    'm/007/model.py': 'pass',
    '.git/HEAD': 'ref: refs/heads/main',
    'notes.txt': 'hello',
  });
  await symlink('m', join(root, 'twin'));
  const found = check(await read(), findTarget('triton:26.07'));
  expect(found.map(({ code, severity, model }) => [code, severity, model])).toEqual([
    ['repository/not-a-model', 'info', undefined],
    ['repository/hidden-folder', 'error', '.git'],
    ['repository/version-ignored', 'warning', 'm'],
    ['repository/version-ignored', 'warning', 'twin'],
    ['repository/name-mismatch', 'error', 'twin'],
  ]);
});

test('a repository on disk: an ONNX file beside a config that contradicts it', async () => {
  const { root, read } = await onDisk({
    'net/config.pbtxt': `backend: "onnxruntime"
max_batch_size: 4
input [ { name: "a" data_type: TYPE_FP32 dims: [ 3 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 2 ] } ]
`,
    'net/1/': '',
  });
  const graph = new GraphBuilder('sums', { opset: 17, irVersion: 8 });
  const a = graph.input('a', 'FP32', ['N', 2]);
  graph.output('sum', graph.node('Add', [a, a]), ['N', 2]);
  await writeOnnx(join(root, 'net/1/model.onnx'), graph, { producer: { name: 'test', version: '1' } });
  const errors = check(await read()).filter((one) => one.severity === 'error');
  expect(errors.map(({ code, message, where }) => [code, where.line, where.column, message])).toEqual([
    ['onnx/shape', 3, 50, "input 'a' is [batch, 3], in the ONNX model it is [batch=N, 2]: dims[0] must be 2"],
  ]);
});

test('of a model whose config cannot be read, only that is said', async () => {
  const { root, read } = await onDisk({ 'a/1/model.py': '', 'b/1/model.py': '', 'b/config.pbtxt/': '' });
  await symlink('nowhere', join(root, 'a/config.pbtxt'));
  const repository = await read();
  const found = check(repository).filter(({ code }) => code !== 'repository/version-ignored');
  expect(found.map(({ code, severity, model }) => [code, severity, model])).toEqual([
    ['repository/unreadable', 'error', 'a'],
    ['repository/not-a-file', 'error', 'b'],
  ]);
  expect(formatSarif(found, repository)).toContain('A folder, pipe, socket or device stands where a file is expected');
});

test('of a version that cannot be listed, nothing is missing', () => {
  const repository = snapshot({ 'm/config.pbtxt': 'backend: "python"', 'm/1/': '' });
  const [entry] = repository.models;
  const where = { file: entry!.versions[0]!.dir };
  entry!.diagnostics.push({ code: 'repository/unreadable', severity: 'error', message: 'm/1 cannot be listed', where });
  expect(check(repository).map(({ code }) => code)).not.toContain('repository/model-file-missing');
});

test('warm-up files on disk are measured', async () => {
  const warmup = `max_batch_size: 1
model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "w" } } }`;
  const { read } = await onDisk({
    'm/config.pbtxt': String(python(warmup)['m/config.pbtxt']),
    'm/1/model.py': 'pass',
    'm/warmup/w': '123',
  });
  const found = check(await read()).filter((one) => one.code === 'warmup/file');
  expect(found.map((one) => one.message)).toEqual(["model_warmup[0] reads warmup/w with 3 bytes, input 'x' needs 16"]);
});

test('a check of a repository that was read needs no disk any more', async () => {
  const warmup = (file: string, type = 'TYPE_FP32') =>
    `model_warmup { name: "s" batch_size: 1 inputs { key: "x" value { data_type: ${type} dims: 4 input_data_file: "${file}" } } }`;
  const io =
    'input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }\nbackend: "python"\n';
  const { root, read } = await onDisk({
    'long/config.pbtxt': io + warmup('a'),
    'long/1/model.py': '',
    'long/warmup/a': 'x'.repeat(16),
    'short/config.pbtxt': io + warmup('b'),
    'short/1/model.py': '',
    'short/warmup/b': 'x'.repeat(15),
    'gone/config.pbtxt': io + warmup('../../long/warmup/a'),
    'gone/1/model.py': '',
    'link/config.pbtxt': io + warmup('c'),
    'link/1/model.py': '',
    'link/warmup/': '',
    'open/config.pbtxt': 'backend: "python"',
    'open/1/model.py': 'def auto_complete_config',
    'closed/config.pbtxt': 'backend: "python"',
    'closed/1/model.py': '',
  });
  await symlink('/etc', join(root, 'link/warmup/c'));
  const repository = await read();
  const found = check(repository);
  await rm(join(root, 'long'), { recursive: true });
  await rm(join(root, 'open'), { recursive: true });
  expect(check(repository)).toEqual(found);
  const said = (code: string) => found.filter((one) => one.code === code).map(({ model, message }) => [model, message]);
  expect(said('warmup/file')).toEqual([
    ['gone', expect.stringContaining('which does not exist')],
    ['short', expect.stringContaining("with 15 bytes, input 'x' needs 16")],
  ]);
  expect(new Set(said('tensors/none').map(([model]) => model))).toEqual(new Set(['closed']));
});
