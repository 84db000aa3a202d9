import { expect, test } from 'vitest';
import { instructionsIn } from './machine.ts';
import { comparisonPage, describeRun } from './page.ts';
import { comparisonRows } from './rows.ts';
import { compareReport, variantReport } from './testing.ts';

const missing = variantReport('torch-export', {
  maker: 'pytorch',
  notBuilt: { reason: 'no <PyTorch>', fix: 'conch env' },
});
const report = compareReport([
  variantReport('padded-fp32', {
    accuracy: { worstError: 0, cosine: 1, meanCosine: 1, labelAgreement: 1, macroF1: 82.9 },
  }),
  variantReport('padded-int8'),
  missing,
]);

test('the table has a row for each variant that was built', () => {
  expect(comparisonRows(report)).toEqual([
    [
      ...['variant', 'build s', 'size MB', 'load ms', 'memory MB', 'p50 ms', 'texts/s', 'CPU ms/text'],
      ...['worst error', 'labels %', 'macro F1'],
    ],
    ['padded-fp32', '1.25', '9.9', '40', '86', '2.50', '400.0', '4.50', '0', '100.0', '82.9'],
    ['padded-int8', '1.25', '9.9', '40', '86', '2.50', '400.0', '4.50', '0.15', '99.5', '82.9'],
  ]);
});

test('for what is no classifier the table tells cosines, and says where numbers are none', () => {
  const accuracy = { worstError: Number.POSITIVE_INFINITY, cosine: 0.98765, meanCosine: 0.99 };
  const [head, row] = comparisonRows(compareReport([variantReport('padded-fp16', { accuracy })]));
  expect(head!.slice(-2)).toEqual(['worst error', 'least cosine']);
  expect(row!.slice(-2)).toEqual(['none', '0.98765']);
});

test('the page stands alone: bars for every variant, what is missing, and how it was measured', () => {
  const page = comparisonPage(report);
  expect(page).not.toMatch(/<script|<link|@import|url\(|https?:|src=/);
  expect(page.match(/<svg /g)).toHaveLength(6);
  // Two variants in each of the charts; no error has a bar of the least width.
  expect(page.match(/<rect class="conch"/g)).toHaveLength(12);
  expect(page).toContain('<td>padded-int8</td>');
  expect(page).toContain('torch-export: no &#60;PyTorch&#62; <code>conch env</code>');
  expect(page).toContain('Some Processor, 2 cores with avx512_vnni, avx2; 8 GiB; linux 6.');
  const widths = [...page.matchAll(/<rect [^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths.slice(0, 2)).toEqual([560, 560]);
  expect(widths.slice(-2)).toEqual([1, 560]);
});

test('thousands are written out', () => {
  const fast = variantReport('padded-int8', { speed: { ...variantReport('x').speed!, textsPerSecond: 2381.9 } });
  expect(comparisonPage(compareReport([fast]))).toContain('>2382</text>');
});

test('names cannot break out of the page', () => {
  const page = comparisonPage(compareReport([], { model: '<script>alert("x")</script>' }));
  expect(page).toContain('<h1>&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;: variants compared</h1>');
});

test('a busy machine is said to be one', () => {
  const { machine } = report;
  expect(describeRun(report).join('\n')).toContain('Load before: 0.0.\n');
  expect(describeRun({ ...report, machine: { ...machine, load: 3.2 } }).join('\n')).toContain(
    'Load before: 3.2 (the machine was busy: times are worth little).',
  );
});

test('the instructions that matter are read from /proc/cpuinfo of either kind', () => {
  expect(instructionsIn('flags\t\t: fpu avx2 avx512f avx512_vnni\n')).toEqual(['avx512_vnni', 'avx512f', 'avx2']);
  expect(instructionsIn('Features\t: fp asimd asimddp i8mm\n')).toEqual(['asimddp', 'i8mm']);
  expect(instructionsIn('')).toEqual([]);
});
