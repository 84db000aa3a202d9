import type { BenchReport } from '../../measure/index.ts';
import type { Output } from '../output.ts';
import { table } from '../table.ts';

/** The report as tables. */
export async function printBench(report: BenchReport, output: Output): Promise<void> {
  const { conditions, loadRows, remarks, resourceRows, serverRows } = await import('../../measure/index.ts');
  const { dim, green, red, yellow } = output.colors;
  for (const rows of [loadRows(report), serverRows(report), resourceRows(report)]) {
    if (!rows) continue;
    output.print(numbers(rows));
    output.print();
  }
  for (const line of remarks(report)) {
    output.print(line.startsWith('MISSED') ? red(line) : line.startsWith('met') ? green(line) : yellow(line));
  }
  for (const line of conditions(report)) output.print(dim(line));
}

/** A table whose cells but the first are aligned to the right. */
export function numbers([head = [], ...rows]: readonly (readonly string[])[]): string {
  const right = head.map((_, index) => index).filter((index) => index > 0);
  return table(head, rows, right);
}
