import { expect, test } from 'vitest';
import { formatReport, reportToJson, type ValidationReport } from '../index.ts';

const passed: ValidationReport = {
  model: 'finbert',
  version: '1',
  server: 'http://127.0.0.1:8000',
  expect: 'expected.jsonl',
  tolerance: 1e-4,
  count: 168,
  passed: true,
  missed: 0,
  worst: { line: 17, output: 'logits', index: 2, expected: -1.2345678, got: -1.2345699, error: 2.1e-6 },
  meanAbsoluteError: 3e-7,
  labels: { compared: 168, agreed: 168 },
  accuracy: {
    served: {
      lines: 168,
      accuracy: 0.91,
      macroF1: 0.9,
      classes: [{ label: 'positive', precision: 0.9, recall: 0.8, f1: 0.85, support: 56 }],
    },
    reference: { lines: 168, accuracy: 0.92, macroF1: 0.9, classes: [] },
  },
  failures: [],
  examples: [
    { line: 1, excerpt: 'The company raised its outlook.', label: 'positive', score: 0.98765, error: 1e-6 },
    { line: 2, excerpt: '漢字 profit fell.', label: 'negative', score: 0.7, error: 0 },
  ],
  notes: [],
  milliseconds: 1234,
};

const missed: ValidationReport = {
  ...passed,
  count: 30,
  passed: false,
  missed: 12,
  worst: { line: 3, output: 'y', index: 0, expected: 1, got: Number.NaN, error: Number.POSITIVE_INFINITY },
  labels: undefined,
  accuracy: undefined,
  examples: [{ line: 1, excerpt: '{"x":[1,2]}', error: 1e-6 }],
  failures: [{ line: 3, excerpt: '{"x":[3,4]}', reason: 'y[0]: expected 1, got NaN\u001b[2J, which never passes' }],
  notes: ['2 lines name a label'],
  milliseconds: 12,
};

test('a report that passed, as the terminal shows it', () => {
  expect(formatReport(passed)).toBe(`finbert, version 1, against expected.jsonl: 168 lines in 1.2 s

line  text                             label     score  error
   1  The company raised its outlook.  positive  0.988  1.00e-6
   2  漢字 profit fell.                negative  0.700  0

lines as expected     168 of 168
worst absolute error  2.10e-6 (line 17, logits[2]: expected -1.234568, got -1.23457)
mean absolute error   3.00e-7
labels equal          168 of 168
accuracy              0.910 (reference 0.920)
macro F1              0.900 (reference 0.900)

label     precision  recall     F1  lines
positive      0.900   0.800  0.850     56

PASSED: all 168 lines are within 0.0001 of the reference`);
});

test('a report that missed lists what did, and nothing in it can steer the terminal', () => {
  expect(formatReport(missed)).toBe(`finbert, version 1, against expected.jsonl: 30 lines in 12 ms

line  inputs       error
   1  {"x":[1,2]}  1.00e-6

lines as expected     18 of 30
worst absolute error  not finite (line 3, y[0]: expected 1, got NaN)
mean absolute error   3.00e-7

note: 2 lines name a label

line   text                          what missed
3      {"x":[3,4]}                   y[0]: expected 1, got NaN[2J, which never
                                     passes
and 11 more

MISSED: 12 of 30 lines are not within 0.0001 of the reference`);
});

test('the JSON form keeps what is not finite as text', () => {
  expect(reportToJson(missed)).toMatchObject({ missed: 12, worst: { got: 'NaN', error: 'Infinity' } });
});
