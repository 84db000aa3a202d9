import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRepository } from '../../repository/index.ts';
import { checkDeployment, compileDeployment, type GateReport } from '../index.ts';
import { Comparison, macroF1 } from './comparison.ts';

const example = join(import.meta.dirname, '../../../examples/finbert');
let dir: string;
let repository: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-gated-'));
  repository = join(dir, 'models');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

type Model = { [field: string]: unknown };

async function compile(model: Model): Promise<GateReport> {
  const models = { m: { checkpoint: join(example, 'checkpoint'), expect: join(example, 'expected.jsonl'), ...model } };
  const deployment = checkDeployment({ repository, models }, 'test');
  const made = await compileDeployment({ deployment, file: undefined, baseDir: dir }, {});
  return made.models.find(({ name }) => name === 'm-model')!.manifest.gate as GateReport;
}

test('the FP32 graph is held against what the source model gave, alone and padded, at full length', async () => {
  const report = await compile({});
  expect(report).toMatchObject({
    passed: true,
    precision: 'fp32',
    against: ['expect'],
    inputs: 212,
    longest: 128,
    limits: { max_error: 1e-4 },
    missed: [],
  });
  expect(report.sourceError).toBeLessThan(1e-4);
  expect(report.paddingError).toBeLessThan(1e-5);
  expect(report.macroF1!.compiled).toBeCloseTo(82.87, 1);
});

test.each([
  ['fp16', 0.01, 5.1e6],
  ['int8', 0.5, 9.2e6],
  ['int8-weight-only', 0.05, 9.2e6],
] as const)('the example in %s keeps its labels and its score', async (precision, error, size) => {
  const report = await compile({ precision });
  expect(report).toMatchObject({ passed: true, precision, against: ['fp32', 'expect'], labelAgreement: 1 });
  expect(report.worstAbsoluteError).toBeGreaterThan(0);
  expect(report.worstAbsoluteError).toBeLessThan(error);
  expect(report.macroF1!.compiled).toBe(report.macroF1!.source);
  const manifest = JSON.parse(await readFile(join(repository, 'm-model/conch.json'), 'utf8'));
  expect(manifest).toMatchObject({ precision, gate: { passed: true } });
  expect(manifest.artifacts['1/model.onnx'].size).toBeLessThan(size);
});

test('static int8 is calibrated on the same texts; a batch changes nothing, since no scale depends on it', async () => {
  const report = await compile({ precision: 'int8-static' });
  expect(report).toMatchObject({ passed: true, precision: 'int8-static', against: ['fp32', 'expect'] });
  expect(report.labelAgreement).toBeGreaterThan(0.99);
  expect(report.worstAbsoluteError).toBeLessThan(0.5);
  expect(report.paddingError).toBeLessThan(1e-4);
});

test('a version that misses its limits is put aside with a report, and the one before goes on', async () => {
  await compile({});
  const before = await readFile(join(repository, 'm-model/conch.json'), 'utf8');
  await expect(compile({ precision: 'int8', gate: { max_error: 0.01 } })).rejects.toThrow(
    /^m-model in int8: the worst absolute error is 0\.\d+, more than 0\.0100; it first departs at \w+ '.+' \(relative error 0\.\d+\)$/,
  );
  expect(await readFile(join(repository, 'm-model/conch.json'), 'utf8')).toBe(before);
  const place = join(dir, '.models.rejected/m-model/1');
  expect((await readdir(place)).sort()).toEqual(['gate.json', 'model.onnx']);
  const report = JSON.parse(await readFile(join(place, 'gate.json'), 'utf8')) as GateReport;
  expect(report).toMatchObject({ passed: false, limits: { max_error: 0.01, label_agreement: 0.99 } });
  expect(report.departure!.of).toBeGreaterThan(30);
  // Nothing of it is in the repository, where Triton would take it for a model.
  const { models } = await openRepository(repository);
  expect(models.map(({ name }) => name).sort()).toEqual(['m', 'm-model', 'm-tokenizer']);
});

test('a reference that the checkpoint does not give is a miss, not a model', async () => {
  const lines = (await readFile(join(example, 'expected.jsonl'), 'utf8')).trim().split('\n');
  const wrong = lines.map((line) => {
    const { text, label, logits } = JSON.parse(line);
    return JSON.stringify({ text, label, logits: logits.map((value: number) => value + 0.01) });
  });
  await writeFile(join(dir, 'wrong.jsonl'), wrong.join('\n'));
  await expect(compile({ expect: join(dir, 'wrong.jsonl') })).rejects.toThrow(
    'm-model in fp32: the worst absolute error of the FP32 graph against expect is 0.0100, more than 0.000100',
  );
  expect(existsSync(repository) ? (await openRepository(repository)).models.length : 0).toBe(0);
});

test('without a reference ordinary texts are used; other limits build anew', async () => {
  const report = await compile({ precision: 'fp16', expect: undefined });
  expect(report).toMatchObject({ passed: true, against: ['fp32'], inputs: 34, labelAgreement: 1 });
  expect(report.macroF1).toBeUndefined();
  await expect(compile({ precision: 'fp16', expect: undefined, gate: { max_error: 0 } })).rejects.toThrow(
    'more than 0',
  );
});

test.each([
  [{ precision: 'fp8' }, 'models.m.precision'],
  [{ gate: { label_agreement: 2 } }, 'models.m.gate.label_agreement'],
  [{ gate: { labels: 1 } }, 'models.m.gate'],
])('a deployment with %j is refused', async (model, field) => {
  await expect(compile(model as Model)).rejects.toThrow(field);
});

test('a comparison counts what is no number, and rows that are missing', () => {
  const compare = (expected: number[][], actual: number[][]) => {
    const comparison = new Comparison();
    comparison.add(
      expected.map((row) => Float64Array.from(row)),
      actual.map((row) => Float64Array.from(row)),
    );
    const { worst, cosine, rows, agreeing } = comparison;
    return { worst, cosine, rows, agreeing };
  };
  expect(compare([[1, 2]], [[1, 2.5]])).toMatchObject({ worst: 0.5, rows: 1, agreeing: 1 });
  expect(compare([[1, 2]], [[3, 2.5]])).toMatchObject({ worst: 2, agreeing: 0 });
  expect(compare([[1, 2]], [[Number.NaN, 2]])).toMatchObject({ worst: Infinity, cosine: -1 });
  expect(compare([[Number.NaN, 2]], [[Number.NaN, 2]])).toMatchObject({ worst: 0 });
  expect(
    compare(
      [
        [1, 2],
        [3, 4],
      ],
      [[1, 2]],
    ),
  ).toMatchObject({ worst: Infinity });
  expect(compare([[0, 0]], [[0, 0]]).cosine).toBe(1);
  expect(compare([[0, 0]], [[0, 1]]).cosine).toBe(0);
  expect(compare([[1], [2], [3]], [[2], [4], [6]]).cosine).toBeCloseTo(1, 12);
  expect(compare([[1], [2], [3]], [[3], [2], [1]]).cosine).toBeCloseTo(-1, 12);
});

test('macro F1 as scikit-learn has it', () => {
  expect(macroF1([0, 0, 1, 1], [0, 0, 1, 1])).toBe(100);
  // F1 of class 0: 2*1/(2+2), of class 1: 2*1/(2+2).
  expect(macroF1([0, 0, 1, 1], [0, 1, 0, 1])).toBe(50);
  expect(macroF1([0, 1], [2, 2])).toBe(0);
});
