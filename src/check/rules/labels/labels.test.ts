import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openRepository } from '../../../repository/index.ts';
import { check } from '../../check.ts';
import { python, testRule } from '../../testing.ts';

const output = (dims: string) => `input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ ${dims} ] label_filename: "labels.txt" } ]`;
const labelled = (labels: string, dims = '3') => python('', { 'm/labels.txt': labels }, output(dims));

testRule('labels/file', {
  fires: [
    [
      python('', {}, output('3')),
      ["m/config.pbtxt:3:71 error label_filename 'labels.txt' of output 'y' cannot be read: m/labels.txt is not there"],
    ],
  ],
  silent: [[labelled('a\nb\nc\n')], [python()]],
});

testRule('labels/count', {
  fires: [
    [
      labelled('positive\nnegative\n'),
      ["m/labels.txt:2:1 warning labels.txt has 2 labels, output 'y' has 3 values (dims [3])"],
    ],
    [
      labelled('a\nb\nc\nd\n', '1, 3'),
      ["m/labels.txt:4:1 warning labels.txt has 4 labels, output 'y' has 3 values (dims [1, 3])"],
    ],
  ],
  silent: [[labelled('a\nb\nc\n')], [labelled('a\n', '-1')]],
});

testRule('labels/repeated', {
  fires: [
    [
      labelled('up\n\nup\n'),
      [
        'm/labels.txt:2:1 warning labels.txt: the label of class 1 is blank',
        "m/labels.txt:3:1 warning labels.txt: classes 0 and 2 have the same label 'up'",
      ],
    ],
  ],
  silent: [[labelled('a\nb\nc\n')]],
});

test('on disk, a label file that links out of the repository is reported once, at the line that names it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'conch-labels-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const files = python('', {}, output('3'));
  await mkdir(join(dir, 'models/m/1'), { recursive: true });
  await writeFile(join(dir, 'secret.txt'), 'a\nb\nc\n');
  await writeFile(join(dir, 'models/m/config.pbtxt'), String(files['m/config.pbtxt']));
  await writeFile(join(dir, 'models/m/1/model.py'), '');
  await symlink(join(dir, 'secret.txt'), join(dir, 'models/m/labels.txt'));
  const repository = await openRepository(join(dir, 'models'), { inspect: true });
  const errors = check(repository).filter((one) => one.severity === 'error');
  expect(errors.map((one) => [one.code, one.where.line, one.message])).toEqual([
    [
      'labels/file',
      3,
      "label_filename 'labels.txt' of output 'y' cannot be read: m/labels.txt is a label file that links out of the repository",
    ],
  ]);
});
