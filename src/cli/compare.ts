import { ConchError } from '../base/index.ts';
import type { CompareReport, LoadedDeployment } from '../compile/index.ts';
import type { Option } from './command.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { wholeNumber } from './values.ts';
import { writePage } from './write-page.ts';

export const compareOptions: readonly Option[] = [
  {
    flags: '--compare',
    summary: 'build all variants of one checkpoint, and print what each costs; nothing goes into the repository',
  },
  {
    flags: '--variants <list>',
    summary: 'with --compare, only these: ids or makers (conch, onnxruntime, pytorch, modelopt), by commas',
    parse: (text) => text.split(',').filter(Boolean),
  },
  { flags: '--html <file>', summary: 'with --compare, also write a page with bars' },
  { flags: '--keep <dir>', summary: "with --compare, keep the variants' files there (default: deleted in the end)" },
  {
    flags: '--rounds <n>',
    summary: 'with --compare, how often each variant is timed (default: 3)',
    parse: (text, flag) => wholeNumber(text, flag, 1, 1000),
  },
  {
    flags: '--threads <n>',
    summary: 'with --compare, threads of one operator (default: one a core)',
    parse: (text, flag) => wholeNumber(text, flag, 1, 1024),
  },
];

const own = ['variants', 'html', 'keep', 'rounds', 'threads'];
/** What every variant decides for itself, or what is not written. */
const without = ['layout', 'precision', 'opset', 'out', 'force'];

/** Throws USAGE for flags that go with --compare alone, or not with it. */
export function checkCompareFlags(options: Readonly<Record<string, unknown>>): void {
  const comparing = options.compare === true;
  const wrong = (comparing ? without : own).find((flag) => options[flag] !== undefined);
  if (wrong === undefined) return;
  throw new ConchError('USAGE', `--${wrong} goes ${comparing ? 'without' : 'with'} --compare`, {
    fix: 'conch compile finbert --compare --html compare.html',
  });
}

/** `conch compile <model> --compare`. */
export async function compareModel(
  { loaded, models }: { loaded: LoadedDeployment; models: readonly string[] },
  options: Readonly<Record<string, unknown>>,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (models.length > 1) throw new ConchError('USAGE', `--compare takes one model, not ${models.length}`);
  const { compareVariants, comparisonPage } = await import('../compile/index.ts');
  const report = await compareVariants(loaded, {
    ...(models[0] !== undefined && { model: models[0] }),
    ...(typeof options.target === 'string' && { target: options.target }),
    ...(options.variants !== undefined && { variants: options.variants as string[] }),
    ...(typeof options.rounds === 'number' && { rounds: options.rounds }),
    ...(typeof options.threads === 'number' && { threads: options.threads }),
    ...(typeof options.python === 'string' && { python: options.python }),
    ...(typeof options.keep === 'string' && { keep: options.keep }),
    progress: output.progress,
    signal,
  });
  if (typeof options.html === 'string') await writePage(options.html, comparisonPage(report));
  if (output.json) output.printJson(report);
  else await printComparison(report, output);
  return 0;
}

async function printComparison(report: CompareReport, output: Output): Promise<void> {
  const { comparisonRows, describeRun } = await import('../compile/index.ts');
  const { bold, dim } = output.colors;
  const [head, ...rows] = comparisonRows(report);
  const drawn = rows.map(([id, ...cells]) => [bold(id!), ...cells]);
  output.print(
    table(
      head!,
      drawn,
      head!.map((_, index) => index).filter((index) => index > 0),
    ),
  );
  const missing = report.variants.filter(({ notBuilt }) => notBuilt !== undefined);
  if (missing.length > 0) output.print();
  // Several of one maker mostly lack the same.
  const reasons = new Map<string, string[]>();
  for (const { id, notBuilt } of missing) {
    const text = `${notBuilt!.reason}${notBuilt!.fix ? `\n    fix: ${notBuilt!.fix}` : ''}`;
    reasons.set(text, [...(reasons.get(text) ?? []), id]);
  }
  for (const [text, ids] of reasons) output.print(`not built: ${ids.join(', ')}\n    ${text}`);
  output.print();
  for (const line of describeRun(report)) output.print(dim(line));
}
