import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { labelsOf, layoutRules, openRepository, readModel } from './index.ts';

let base: string;
let root: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'conch repository ü-'));
  root = join(base, 'models');
  await mkdir(root);
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function put(path: string, content = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

const config = `backend: "onnxruntime"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [10] }
output { name: "logits" data_type: TYPE_FP32 dims: [2] label_filename: "labels.txt" }
output { name: "other" data_type: TYPE_FP32 dims: [2] }
`;

test('a model is read with its versions, files, labels and config', async () => {
  await put('größe b/config.pbtxt', config);
  await put('größe b/labels.txt', 'no\nyes\n');
  await put('größe b/10/model.onnx', 'abc');
  await put('größe b/2/model.savedmodel/variables/data', '12345');
  await put('größe b/0/model.onnx');
  await put('größe b/notes.txt');
  const { models, diagnostics } = await openRepository(root);
  expect(diagnostics).toEqual([]);
  const model = models[0]!;
  expect(model.name).toBe('größe b');
  expect(model.parsed?.config.max_batch_size).toBe(8);
  expect(model.configFile).toBe(join(root, 'größe b', 'config.pbtxt'));
  expect(model.files).toEqual(['config.pbtxt', 'labels.txt', 'notes.txt']);
  expect(model.versions.map(({ version, folder }) => [version, folder])).toEqual([
    [0, '0'],
    [2, '2'],
    [10, '10'],
  ]);
  expect(model.versions[1]!.files).toEqual([{ path: 'model.savedmodel/variables/data', size: 5 }]);
  expect(labelsOf(model, 'logits')).toEqual(['no', 'yes']);
  expect(labelsOf(model, 'other')).toBeUndefined();
  expect(labelsOf(model, 'missing')).toBeUndefined();
  expect((await readModel(join(root, 'größe b'))).versions).toHaveLength(3);
});

test('folders that are no versions are listed with the reason', async () => {
  for (const name of ['warmup', '007', 'old', '1abc', '-1', '+3', '99999999999999999999', '9007199254740993', '1']) {
    await mkdir(join(root, 'm', name), { recursive: true });
  }
  const model = await readModel(join(root, 'm'));
  expect(model.versions.map((version) => version.version)).toEqual([1]);
  expect(
    Object.fromEntries(model.ignoredFolders.map(({ name, kind, reason }) => [name, `${kind}: ${reason}`])),
  ).toEqual({
    '+3': "numeric-prefix: '+3' counts as version 3 for Triton, which then finds no folder '3'",
    '-1': "numeric-prefix: '-1' is negative; Triton looks for folder 18446744073709551615",
    '007': "leading-zero: '007' starts with a zero; Triton ignores such folders",
    '1abc': "numeric-prefix: '1abc' counts as version 1 for Triton, which then finds no folder '1'",
    '9007199254740993': "out-of-range: '9007199254740993' is beyond 2^53 - 1, the highest version that conch serves",
    '99999999999999999999':
      "out-of-range: '99999999999999999999' is no 64-bit number; Triton aborts when it reads such a folder",
    old: "not-a-number: 'old' does not start with a number; Triton ignores such folders",
    warmup: 'reserved: warmup/ holds the data of warm-up samples',
  });
});

async function messages(): Promise<string[]> {
  const { diagnostics } = await openRepository(root);
  return diagnostics.map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
}

test('what lies at the root and is no model is reported', async () => {
  await put('README.md');
  await mkdir(join(root, '.git'));
  await mkdir(join(root, '.conch-tmp-m-1'));
  expect(await messages()).toEqual([
    'error repository/leftover: .conch-tmp-m-1 was left behind by an interrupted compile; Triton takes it for a model and refuses it',
    'error repository/hidden-folder: .git is a hidden folder; Triton takes every folder for a model, hidden or not',
    'info repository/not-a-model: README.md is not a folder and no model; Triton ignores it',
  ]);
});

test('links are followed inside the repository only', async () => {
  await mkdir(join(base, 'elsewhere/1'), { recursive: true });
  await writeFile(join(base, 'elsewhere/1/model.onnx'), 'secret');
  await put('a/1/model.onnx', 'abcd');
  await put('b/config.pbtxt', config.replace('labels.txt', 'sub/labels.txt'));
  await mkdir(join(root, 'b/1'));
  await symlink('../../a/1/model.onnx', join(root, 'b/1/model.onnx'));
  await symlink('../../..', join(root, 'b/1/up'));
  await symlink('nowhere', join(root, 'b/1/broken'));
  await symlink('.', join(root, 'b/1/circle'));
  await symlink(join(base, 'elsewhere/1'), join(root, 'b/2'));
  await symlink(join(base, 'elsewhere'), join(root, 'b/sub'));
  await writeFile(join(base, 'elsewhere/labels.txt'), 'secret\n');
  await symlink(join(base, 'elsewhere'), join(root, 'c'));
  await symlink('a', join(root, 'd'));
  const { models } = await openRepository(root);
  expect(models.map((model) => model.name)).toEqual(['a', 'b', 'd']);
  expect(models[1]!.versions.map((version) => [version.version, version.files])).toEqual([
    [1, [{ path: 'model.onnx', size: 4 }]],
  ]);
  expect(models[1]!.ignoredFolders.map(({ name, kind }) => [name, kind])).toEqual([['2', 'outside']]);
  expect(models[1]!.labels).toEqual({});
  expect((await messages()).map((line) => line.replaceAll(base, '<base>'))).toEqual([
    'warning repository/link-outside: c links to <base>/elsewhere, outside the repository; Triton follows it, conch does not',
    'warning repository/link-outside: b/2 links to <base>/elsewhere/1, outside the repository; Triton follows it, conch does not',
    'warning repository/link-outside: b/sub links to <base>/elsewhere, outside the repository; Triton follows it, conch does not',
    'error repository/labels: b/sub/labels.txt is a label file that links out of the repository',
    'warning repository/unreadable: b/1/broken is a link that leads nowhere: no such file or folder',
    "warning repository/link-leaves-model: b/1/model.onnx links to a/1/model.onnx, outside the model's folder; it breaks when the folder is copied alone",
    'warning repository/link-outside: b/1/up links to <base>, outside the repository; Triton follows it, conch does not',
  ]);
  await expect(readModel(join(root, 'c'))).rejects.toThrow(/^model .*c links to .*elsewhere, outside the repository$/);
});

test('label files that Triton would refuse, or read differently, are reported', async () => {
  const twoFiles = `${config}output { name: "third" data_type: TYPE_FP32 dims: [1] label_filename: "../x.txt" }`;
  await put('m/config.pbtxt', twoFiles);
  expect(await messages()).toEqual([
    'error repository/labels: m/labels.txt is named as a label file but cannot be read (no such file or folder); Triton refuses the model',
    "error repository/labels: x.txt is a label file outside the model's folder; Triton refuses it",
  ]);
  await put('m/config.pbtxt', config);
  await put('m/labels.txt', 'a\r\n\r\nb');
  expect(await messages()).toEqual([
    'warning repository/labels: m/labels.txt has Windows line ends; Triton keeps the carriage returns in its labels',
  ]);
  expect((await readModel(join(root, 'm'))).labels).toEqual({ 'labels.txt': ['a', '', 'b'] });
});

test('dead links: Triton refuses a repository with one, a model with one, and does not look deeper', async () => {
  await put('m/1/model.py');
  for (const path of ['dead', 'm/dead', 'm/1/dead']) await symlink('nowhere', join(root, path));
  await symlink('circle', join(root, 'circle'));
  const ends = 'Triton cannot read such a repository, and serves none of its models';
  expect(await messages()).toEqual([
    `error repository/unreadable: circle is a link that leads nowhere: links in a circle; ${ends}`,
    `error repository/unreadable: dead is a link that leads nowhere: no such file or folder; ${ends}`,
    'error repository/unreadable: m/dead is a link that leads nowhere: no such file or folder; Triton refuses the model',
    'warning repository/unreadable: m/1/dead is a link that leads nowhere: no such file or folder',
  ]);
});

test('a folder in the place of conch.json refuses no model, one in the place of labels does', async () => {
  await put('m/config.pbtxt', config);
  await mkdir(join(root, 'm/conch.json'));
  await mkdir(join(root, 'm/labels.txt'));
  expect(await messages()).toEqual([
    'warning repository/manifest: m/conch.json is a folder; a text file is expected there',
    'error repository/labels: m/labels.txt is a folder; a text file is expected there',
  ]);
});

test('every code that reading reports is described, and findings say what to do', async () => {
  await put('README.md');
  const { diagnostics } = await openRepository(root);
  expect(diagnostics[0]!.fix).toEqual({ text: layoutRules['repository/not-a-model'].fix });
  for (const { means, fix } of Object.values(layoutRules)) {
    expect(means).toMatch(/^[A-Z].*\.$/);
    expect(fix).toMatch(/^[a-z]/);
  }
});

test('files that are no plain text files of a plausible size are not opened', async () => {
  await mkdir(join(root, 'm'));
  execFileSync('mkfifo', [join(root, 'm/config.pbtxt')]);
  await put('n/config.pbtxt');
  await truncate(join(root, 'n/config.pbtxt'), 65 * 1024 * 1024);
  await mkdir(join(root, 'o/config.pbtxt'), { recursive: true });
  expect(await messages()).toEqual([
    'error repository/not-a-file: m/config.pbtxt is not a regular file; a text file is expected there',
    'error repository/too-large: n/config.pbtxt holds 65 MB, which is no plausible text file',
    'error repository/not-a-file: o/config.pbtxt is a folder; a text file is expected there',
  ]);
});

test('a manifest that is none is reported and left out', async () => {
  await put('a/conch.json', '{');
  await put('b/conch.json', '{"format": 2}');
  const found = await messages();
  expect(found[0]).toMatch(/^warning repository\/manifest: a\/conch.json is ignored: conch.json is not JSON: /);
  expect(found[1]).toBe(
    'warning repository/manifest: b/conch.json is ignored: conch.json: format: Invalid input: expected 1',
  );
  expect((await openRepository(root)).models[0]!.manifest).toBeUndefined();
});

test('a root that is no folder is refused', async () => {
  await put('file');
  await expect(openRepository(join(root, 'file'))).rejects.toThrow(/file is a file, expected a folder$/);
  await expect(openRepository(join(root, 'none'))).rejects.toThrow(
    /^model repository .*none cannot be opened: no such file or folder$/,
  );
  await expect(readModel(join(root, 'none'))).rejects.toThrow(
    /^model .*none cannot be opened: no such file or folder$/,
  );
});

test('a broken ONNX file is an error of its version, not of the repository', async () => {
  await put('m/config.pbtxt', config);
  await put('m/1/model.onnx', 'not a protobuf message');
  await put('m/labels.txt', 'a\nb\n');
  expect((await readModel(join(root, 'm'))).versions[0]!.onnxError).toBeUndefined();
  const version = (await readModel(join(root, 'm'), { inspect: true })).versions[0]!;
  expect(version.onnx).toBeUndefined();
  expect(version.onnxError?.code).toBe('ONNX_INVALID');
});
