import { escaped, tableHtml } from '../../base/index.ts';
import { conditions, loadRows, remarks, resourceRows, serverRows } from './format.ts';
import type { Estimate } from './intervals.ts';
import { describeLoad } from './load.ts';
import { type Plot, page, plotSvg } from './plot.ts';
import type { BenchReport, LoadPoint } from './report.ts';

/** The report as one page with plots: no scripts, no fonts, nothing from a network. */
export function benchPage(report: BenchReport): string {
  const tables = [loadRows(report), serverRows(report), resourceRows(report)].filter((rows) => rows !== undefined);
  const lines = remarks(report).map((line) => {
    const kind = line.startsWith('MISSED') ? 'missed' : line.startsWith('met') ? 'met' : '';
    return `<li class="${kind}">${escaped(line)}</li>`;
  });
  const plots = plotsOf(report).map(plotSvg).join('');
  const body = [
    `<p>${conditions(report).map(escaped).join('<br>')}<br>${escaped(report.startedAt)}</p>`,
    ...tables.map(tableHtml),
    lines.length > 0 ? `<ul>${lines.join('')}</ul>` : '',
    `<div class="plots">${plots}</div>`,
  ];
  return page(`${report.model}: ${report.passed ? 'measured' : 'limits missed'}`, body.join('\n'));
}

function plotsOf(report: BenchReport): Plot[] {
  const { points } = report;
  const limit = report.limits.find(({ metric }) => metric === 'p99');
  const plots: Plot[] = [];
  for (const kind of ['closed', 'open'] as const) {
    const of = points.filter(({ load }) => load.kind === kind);
    if (of.length < 2) continue;
    const at = ({ load }: LoadPoint, index: number) => (load.kind === 'open' ? load.rate : index);
    const ticks = of.map((point, index) => ({
      at: at(point, index),
      label: point.load.kind === 'closed' ? String(point.load.concurrency) : String(point.load.rate),
    }));
    const x = kind === 'closed' ? 'clients' : 'requests a second';
    const line = (name: string, pick: (point: LoadPoint) => Estimate | undefined) => ({
      name,
      points: of.map((point, index): [number, number] => [at(point, index), pick(point)?.value ?? Number.NaN]),
      band: of.map((point, index): [number, number, number] => {
        const { low = Number.NaN, high = Number.NaN } = pick(point) ?? {};
        return [at(point, index), low, high];
      }),
    });
    plots.push(
      {
        title: 'Throughput',
        x,
        y: 'inferences a second',
        ticks,
        lines: [line('throughput', ({ throughput }) => throughput)],
      },
      {
        ...{ title: 'Latency', x, y: 'milliseconds', ticks },
        lines: (['p50', 'p95', 'p99'] as const).map((name) => line(name, ({ latency }) => latency?.[name])),
        ...(limit && { limit: { at: limit.limit, label: 'p99 at most' } }),
      },
    );
  }
  plots.push({
    title: 'Latency by percentile',
    x: 'percentile',
    y: 'milliseconds (logarithmic)',
    logarithmic: true,
    ticks: [0, 90, 99, 99.9, 99.99].map((p) => ({ at: nines(p), label: String(p) })),
    lines: points.map(({ load, curve }) => ({
      name: describeLoad(load),
      points: curve.map(([p, value]): [number, number] => [nines(p), value]),
    })),
  });
  plots.push(
    ...(['rate', 'p99'] as const).map(
      (field): Plot => ({
        title: field === 'rate' ? 'Answers over time' : 'p99 over time',
        x: 'seconds',
        y: field === 'rate' ? 'answers a second' : 'milliseconds',
        lines: points.map(({ load, series }) => ({
          name: describeLoad(load),
          points: series.map((moment): [number, number] => [moment.second, moment[field]]),
        })),
      }),
    ),
  );
  return plots;
}

/** A scale on which 90, 99 and 99.9 % lie at equal distances. */
function nines(p: number): number {
  return -Math.log10(1 - Math.min(p, 99.999) / 100);
}
