import { escaped, tableHtml } from '../../base/index.ts';
import type { CompareReport, VariantReport } from './report.ts';
import { comparisonRows } from './rows.ts';

/** One column of the page: a number of each variant, drawn as a bar. */
interface Chart {
  readonly title: string;
  readonly better: 'more' | 'less';
  value(variant: VariantReport): number | undefined;
  label(value: number): string;
  /** Values span orders of magnitude. */
  readonly logarithmic?: boolean;
}

/** Never as 2.38e+3, which toPrecision makes of thousands. */
const threeDigits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const charts: readonly Chart[] = [
  {
    title: 'Throughput on mixed lengths, texts a second',
    better: 'more',
    value: ({ speed }) => speed?.textsPerSecond,
    label: threeDigits,
  },
  {
    title: 'Latency of one text (p50), ms',
    better: 'less',
    value: ({ speed }) => speed?.latencyMilliseconds,
    label: threeDigits,
  },
  {
    title: 'Memory of the process that serves, MB',
    better: 'less',
    value: ({ speed }) => speed && speed.memoryBytes / 1e6,
    label: (value) => value.toFixed(0),
  },
  {
    title: 'Size of the files, MB',
    better: 'less',
    value: ({ build }) => build && build.bytes / 1e6,
    label: threeDigits,
  },
  {
    title: 'Build, s',
    better: 'less',
    value: ({ build }) => build?.seconds,
    label: threeDigits,
  },
  {
    title: 'Worst error against padded fp32 (logarithmic)',
    better: 'less',
    value: ({ accuracy }) => accuracy?.worstError,
    label: (value) => value.toPrecision(2),
    logarithmic: true,
  },
];

const style = `
:root { color-scheme: light dark; --text: #1a1a1a; --dim: #666; --back: #fff; --line: #ddd; --conch: #2a78d6; --other: #9a9a9a; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --dim: #999; --back: #161616; --line: #333; --conch: #5aa2f0; --other: #777; } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
p, figcaption { color: var(--dim) } figure { margin: 0 } svg { width: 100%; height: auto }
svg text { fill: var(--text); font: 12px system-ui, sans-serif } svg .conch { fill: var(--conch) } svg .other { fill: var(--other) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } code { font: 12px ui-monospace, monospace }
`;

/** The report as a page of HTML that needs nothing else: no scripts, no fonts, nothing from a network. */
export function comparisonPage(report: CompareReport): string {
  const built = report.variants.filter(({ notBuilt }) => notBuilt === undefined);
  const missing = report.variants.filter(({ notBuilt }) => notBuilt !== undefined);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(report.model)}: variants compared</title><style>${style}</style></head><body>`,
    `<h1>${escaped(report.model)}: variants compared</h1>`,
    ...describeRun(report).map((line) => `<p>${escaped(line)}</p>`),
    tableHtml(comparisonRows(report)),
    ...charts.map((chart) => draw(chart, built)),
    ...(missing.length > 0 ? ['<h2>Not built</h2><ul>', ...missing.map(describeMissing), '</ul>'] : []),
    '</body></html>',
    '',
  ].join('\n');
}

/** How it was measured, as lines of text. */
export function describeRun({ texts, batch, rounds, threads, machine, versions, target, sourceError }: CompareReport) {
  const { processor, cores, instructions, memoryBytes, system, load } = machine;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const withSets = instructions.length > 0 ? ` with ${instructions.join(', ')}` : '';
  return [
    `For ${target}. ${texts.timed} texts timed (mean ${texts.meanTokens.toFixed(1)} tokens), in batches of ${batch} as they come ` +
      `and one by one, in ${rounds} round${rounds === 1 ? '' : 's'} that take turns, a new process each; medians. Threads: ${threads}.`,
    `Accuracy on ${texts.compared} texts against padded fp32` +
      `${sourceError === undefined ? '' : `, which is within ${sourceError.toPrecision(2)} of the source's logits`}.`,
    `${processor}, ${cores} cores${withSets}; ${(memoryBytes / 2 ** 30).toFixed(0)} GiB; ${system}. ` +
      `Load before: ${load.toFixed(1)}${load > 0.5 ? ' (the machine was busy: times are worth little)' : ''}.`,
    `${named.join(', ')}.`,
  ];
}

const [nameWidth, barWidth, rowHeight] = [330, 560, 22];

function draw(chart: Chart, variants: readonly VariantReport[]): string {
  const rows = variants.flatMap((variant) => {
    const value = chart.value(variant);
    return value === undefined ? [] : [{ variant, value }];
  });
  const lengths = scale(
    rows.map(({ value }) => value),
    chart.logarithmic === true,
  );
  const bars = rows.map(({ variant: { id, maker }, value }, index) => {
    const [y, width] = [index * rowHeight, Math.max(1, barWidth * lengths[index]!)];
    const shown = Number.isFinite(value) ? chart.label(value) : 'no numbers';
    return (
      `<text x="${nameWidth - 8}" y="${y + 15}" text-anchor="end">${escaped(id)}</text>` +
      `<rect class="${maker === 'conch' ? 'conch' : 'other'}" x="${nameWidth}" y="${y + 3}" width="${width.toFixed(1)}" height="${rowHeight - 6}" rx="2"/>` +
      `<text x="${(nameWidth + width + 6).toFixed(1)}" y="${y + 15}">${escaped(shown)}</text>`
    );
  });
  const size = `0 0 ${nameWidth + barWidth + 90} ${rowHeight * rows.length}`;
  return (
    `<h2>${escaped(chart.title)}</h2><figure><figcaption>${chart.better} is better</figcaption>` +
    `<svg viewBox="${size}" role="img" aria-label="${escaped(chart.title)}">${bars.join('')}</svg></figure>`
  );
}

/** Lengths of bars, 0 to 1; on a logarithmic scale from a tenth of the least that is not 0. */
function scale(values: readonly number[], logarithmic: boolean): number[] {
  const finite = values.filter((value) => Number.isFinite(value) && value > 0);
  const [least, most] = [Math.min(...finite) / 10, Math.max(...finite)];
  return values.map((value) => {
    if (finite.length === 0 || value <= 0) return 0;
    if (!Number.isFinite(value)) return 1;
    return logarithmic ? Math.log(value / least) / Math.log(most / least) : value / most;
  });
}

function describeMissing({ id, notBuilt }: VariantReport): string {
  const fix = notBuilt!.fix === undefined ? '' : ` <code>${escaped(notBuilt!.fix)}</code>`;
  return `<li>${escaped(id)}: ${escaped(notBuilt!.reason)}${fix}</li>`;
}
