import { expect, test } from 'vitest';
import { check } from './check.ts';
import { smallestEdit } from './edits.ts';
import { applyFixes } from './fixes.ts';
import { ensemble, type Files, floatsInAndOut, header, member, onnx, python, snapshot, step } from './testing.ts';

function fixed(files: Files): [text: string | undefined, fixes: number, left: string[]] {
  const repository = snapshot(files);
  const found = check(repository);
  const [file, ...others] = applyFixes(repository, found);
  expect(others).toEqual([]);
  if (file === undefined) return [undefined, 0, []];
  const path = file.file.replace('/models/', '');
  const again = check(snapshot({ ...files, [path]: file.text }));
  return [file.text, file.fixes, again.filter((one) => one.severity === 'error').map((one) => one.code)];
}

test('a wrong name becomes the name of the folder, and comments stay', () => {
  const [text, fixes, left] = fixed({
    'm/config.pbtxt': `# the model\nname: "other"  # was renamed\nbackend: "python"\n${floatsInAndOut}\n`,
    'm/1/model.py': '',
  });
  expect(text).toBe(`# the model\nname: "m"  # was renamed\nbackend: "python"\n${floatsInAndOut}\n`);
  expect([fixes, left]).toEqual([1, []]);
});

test('a step without a version gets -1, and what an ensemble may not have is removed', () => {
  const files = ensemble(
    [step('a', 'x', 'x', 'y', 'y', '')],
    member('a'),
    'instance_group { count: 1 }\noptimization {}',
  );
  const [text, fixes, left] = fixed(files);
  expect(text).toContain('model_version: -1');
  expect(text).not.toMatch(/instance_group|optimization/);
  expect([fixes, left]).toEqual([3, []]);
});

test('a data type becomes that of the ONNX model, a backend the one that was meant', () => {
  const graph = header({ x: ['INT64', 'N', 4] }, { y: ['FP32', 'N', 4] });
  expect(fixed(onnx(floatsInAndOut, graph))[0]).toContain('name: "x" data_type: TYPE_INT64');
  const [text] = fixed({ ...python(), 'm/config.pbtxt': `backend: "pytohn"\n${floatsInAndOut}` });
  expect(text).toBe(`backend: "python"\n${floatsInAndOut}`);
});

test('edits of one place are made once; the others wait for the next run', () => {
  const repository = snapshot(python('name: "other"'));
  const found = check(repository);
  const again = applyFixes(repository, [...found, ...found]);
  expect(again.map((one) => one.fixes)).toEqual([1]);
});

test('nothing to fix changes nothing', () => {
  expect(applyFixes(snapshot(python()), check(snapshot(python())))).toEqual([]);
  expect(fixed(python('max_batch_size: -1'))).toEqual([undefined, 0, []]);
});

test('the smallest edit is what lies between the equal ends', () => {
  expect(smallestEdit('abc', 'abc')).toBeUndefined();
  expect(smallestEdit('name: "aa"', 'name: "a"')).toEqual({ start: 8, end: 9, text: '' });
  expect(smallestEdit('', 'x')).toEqual({ start: 0, end: 0, text: 'x' });
});
