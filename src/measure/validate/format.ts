import Table from 'cli-table3';
import { short } from './compare.ts';
import type { Accuracy, ValidationExample, ValidationFailure, ValidationReport } from './report.ts';

/** Columns set apart by space alone: lines would take more room than the rows. */
const columns = {
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  chars: Object.fromEntries(
    'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle'
      .split(' ')
      .map((part) => [part, part === 'middle' ? '  ' : '']),
  ),
};
const shownFailures = 10;

/** The report as tables for a terminal, without colour, ending in the verdict. */
export function formatReport(report: ValidationReport): string {
  const { model, version, expect, count, tolerance, milliseconds, accuracy, notes } = report;
  const parts = [`${model}, version ${version}, against ${expect}: ${plural(count)} in ${duration(milliseconds)}`];
  if (report.examples.length > 0) parts.push(exampleTable(report.examples));
  parts.push(facts(report));
  if (accuracy) parts.push(classTable(accuracy.served));
  for (const note of notes) parts.push(`note: ${note}`);
  if (report.failures.length > 0) parts.push(failureTable(report.failures, report.missed));
  const within = `within ${short(tolerance)} of the reference`;
  parts.push(
    report.passed
      ? `PASSED: ${count === 1 ? 'the line is' : `all ${count} lines are`} ${within}`
      : `MISSED: ${report.missed} of ${plural(count)} ${report.missed === 1 ? 'is' : 'are'} not ${within}`,
  );
  // Labels and messages come from a server: nothing of theirs may steer the terminal.
  return parts.join('\n\n').replace(/[^\P{Cc}\n]/gu, '');
}

/** The report as JSON can hold it: numbers that are not finite become the texts `NaN`, `Infinity`, `-Infinity`. */
export function reportToJson(report: ValidationReport): Record<string, unknown> {
  const finite = (_key: string, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  return JSON.parse(JSON.stringify({ ...report }, finite));
}

function exampleTable(examples: readonly ValidationExample[]): string {
  const labelled = examples.some(({ label }) => label !== undefined);
  const head = labelled ? ['line', 'text', 'label', 'score', 'error'] : ['line', 'inputs', 'error'];
  const table = new Table({ head, ...columns, colAligns: labelled ? ['right'] : ['right'] });
  for (const { line, excerpt, label, score, error } of examples) {
    const middle = labelled ? [label ?? '', score?.toFixed(3) ?? ''] : [];
    table.push([line, excerpt, ...middle, error === undefined ? '' : small(error)]);
  }
  return text(table);
}

function facts({ count, missed, worst, meanAbsoluteError, labels, accuracy }: ValidationReport): string {
  const rows: [string, string][] = [['lines as expected', `${count - missed} of ${count}`]];
  if (worst) {
    const { line, output, index, expected, got, error } = worst;
    const values = `line ${line}, ${output}[${index}]: expected ${short(expected)}, got ${short(got)}`;
    rows.push(['worst absolute error', error === 0 ? '0' : `${small(error)} (${values})`]);
    rows.push(['mean absolute error', small(meanAbsoluteError)]);
  }
  if (labels) rows.push(['labels equal', `${labels.agreed} of ${labels.compared}`]);
  if (accuracy) {
    const { served, reference } = accuracy;
    rows.push(['accuracy', `${share(served.accuracy)} (reference ${share(reference.accuracy)})`]);
    rows.push(['macro F1', `${share(served.macroF1)} (reference ${share(reference.macroF1)})`]);
  }
  const table = new Table({ ...columns });
  table.push(...rows);
  return text(table);
}

function classTable({ classes }: Accuracy): string {
  const numbers = 'right' as const;
  const table = new Table({
    head: ['label', 'precision', 'recall', 'F1', 'lines'],
    ...columns,
    colAligns: ['left', numbers, numbers, numbers, numbers],
  });
  for (const { label, precision, recall, f1, support } of classes) {
    table.push([label, share(precision), share(recall), share(f1), support]);
  }
  return text(table);
}

function failureTable(failures: readonly ValidationFailure[], missed: number): string {
  const table = new Table({
    head: ['line', 'text', 'what missed'],
    ...columns,
    wordWrap: true,
    colWidths: [5, 28, 42],
  });
  const shown = failures.slice(0, shownFailures);
  for (const { line, excerpt, reason } of shown) table.push([line, excerpt, reason]);
  const rest = missed - shown.length;
  return rest > 0 ? `${text(table)}\nand ${rest} more` : text(table);
}

function plural(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`;
}

function small(error: number): string {
  return error === 0 ? '0' : Number.isFinite(error) ? error.toExponential(2) : 'not finite';
}

function share(value: number): string {
  return value.toFixed(3);
}

function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** The table without the spaces that pad its last column. */
function text(table: { toString(): string }): string {
  return table.toString().replace(/ +$/gm, '');
}
