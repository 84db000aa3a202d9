import { escaped } from '../../base/index.ts';

/** A line of a plot; points ascending by x. */
export interface PlotLine {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Shaded about the line, as far as known: lowest and highest y at each x. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
  readonly dashed?: boolean;
  /** Points alone. */
  readonly dots?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly PlotLine[];
  /** Places on the x axis; evenly spread numbers unless given. */
  readonly ticks?: readonly { readonly at: number; readonly label: string }[];
  /** A level that must not be crossed. */
  readonly limit?: { readonly at: number; readonly label: string };
  readonly logarithmic?: boolean;
}

const [width, height] = [560, 300];
const margin = { left: 62, right: 14, top: 12, bottom: 44 };
const mostLines = 8;

/** A plot as SVG: no scripts and nothing from elsewhere; its colours come from the page's classes `line0` to `line7`. */
export function plotSvg(plot: Plot): string {
  const lines = plot.lines.map((line) => ({
    ...line,
    points: line.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!plot.logarithmic || y > 0)),
  }));
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = [
    ...lines.flatMap(({ points, band }) => [...points.map(([, y]) => y), ...(band ?? []).map(([, , high]) => high)]),
    ...(plot.limit ? [plot.limit.at] : []),
  ].filter((y) => Number.isFinite(y) && (!plot.logarithmic || y > 0));
  if (xs.length === 0) return '';
  const [minX, maxX] = spread(xs);
  const yTicks = plot.logarithmic ? decades(Math.min(...ys), Math.max(...ys)) : niceTicks(0, Math.max(...ys) * 1.05);
  const [bottom, top] = [yTicks[0]!, Math.max(yTicks.at(-1)!, ...ys)];
  const px = (x: number) => margin.left + ((x - minX) / (maxX - minX)) * (width - margin.left - margin.right);
  const scale = (y: number) => (plot.logarithmic ? Math.log10(Math.max(y, bottom)) : y);
  const py = (y: number) => {
    const share = (scale(y) - scale(bottom)) / (scale(top) - scale(bottom) || 1);
    return height - margin.bottom - share * (height - margin.top - margin.bottom);
  };
  const at = (x: number, y: number) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`;
  const xTicks = plot.ticks ?? niceTicks(minX, maxX).map((tick) => ({ at: tick, label: short(tick) }));
  const right = width - margin.right;
  const base = height - margin.bottom;
  const parts = [
    ...yTicks.map(
      (tick) =>
        `<line class="grid" x1="${margin.left}" x2="${right}" y1="${py(tick).toFixed(1)}" y2="${py(tick).toFixed(1)}"/>` +
        `<text x="${margin.left - 6}" y="${(py(tick) + 4).toFixed(1)}" text-anchor="end">${short(tick)}</text>`,
    ),
    ...xTicks.map(
      ({ at: tick, label }) =>
        `<text x="${px(tick).toFixed(1)}" y="${base + 16}" text-anchor="middle">${escaped(label)}</text>`,
    ),
    `<text x="${(margin.left + right) / 2}" y="${height - 8}" text-anchor="middle">${escaped(plot.x)}</text>`,
    `<text x="14" y="${(margin.top + base) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(margin.top + base) / 2})">${escaped(plot.y)}</text>`,
    ...(plot.limit
      ? [
          `<line class="limit" x1="${margin.left}" x2="${right}" y1="${py(plot.limit.at).toFixed(1)}" y2="${py(plot.limit.at).toFixed(1)}"/>`,
          `<text x="${right}" y="${(py(plot.limit.at) - 4).toFixed(1)}" text-anchor="end">${escaped(plot.limit.label)}</text>`,
        ]
      : []),
    ...lines.flatMap(({ points, band, dashed, dots }, index) => {
      const colour = `line${index % mostLines}`;
      const area = (band ?? []).filter(([, low, high]) => Number.isFinite(low) && Number.isFinite(high));
      const shade = [...area.map(([x, , high]) => at(x, high)), ...area.map(([x, low]) => at(x, low)).reverse()];
      const marks =
        points.length <= 40
          ? points.map(
              ([x, y]) => `<circle class="${colour}" cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3"/>`,
            )
          : [];
      return [
        ...(area.length > 1 ? [`<polygon class="band ${colour}" points="${shade.join(' ')}"/>`] : []),
        ...(dots
          ? []
          : [
              `<polyline class="${colour}${dashed ? ' dashed' : ''}" points="${points.map(([x, y]) => at(x, y)).join(' ')}"/>`,
            ]),
        ...(dashed ? [] : marks),
      ];
    }),
  ];
  const legend =
    lines.length > 1
      ? `<p class="legend">${lines.map(({ name }, index) => `<span class="line${index % mostLines}">●</span> ${escaped(name)}`).join(' &nbsp; ')}</p>`
      : '';
  return `<figure><h2>${escaped(plot.title)}</h2><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(plot.title)}">${parts.join('')}</svg>${legend}</figure>`;
}

/** A page that needs nothing else. `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${style}</style></head><body><h1>${escaped(title)}</h1>${body}</body></html>\n`;
}

function spread(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** Round numbers from `low` to at least `high`, about five. */
function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.max(first + 1, Math.ceil(Math.log10(high)));
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

function short(value: number): string {
  const [, scaled, unit] = [
    [1e9, value / 1e9, 'G'],
    [1e6, value / 1e6, 'M'],
    [1e4, value / 1e3, 'k'],
  ].find(([from]) => Math.abs(value) >= (from as number)) ?? [0, value, ''];
  return `${Number((scaled as number).toPrecision(4))}${unit}`;
}

const style = `
:root { color-scheme: light dark; --text: #1a1a1a; --dim: #666; --back: #fff; --line: #ddd }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --dim: #999; --back: #161616; --line: #333 } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 1180px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.05rem; margin: 1rem 0 .4rem }
p, li { color: var(--dim) } .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem }
figure { margin: 0 } svg { width: 100%; height: auto } svg text { fill: var(--text); font: 11px system-ui, sans-serif }
.grid { stroke: var(--line) } .limit { stroke: #c0392b; stroke-dasharray: 6 4 }
polyline { fill: none; stroke: currentColor; stroke-width: 2 } circle { fill: currentColor } polygon.band { fill: currentColor; opacity: .15 }
.dashed { stroke-dasharray: 5 4 } .line0 { color: #2a78d6 } .line1 { color: #d9822b } .line2 { color: #3a9b57 } .line3 { color: #b14ec2 }
.line4 { color: #8a8a8a } .line5 { color: #c0392b } .line6 { color: #1a9fa8 } .line7 { color: #7a6b2b }
.missed { color: #c0392b } .met { color: #3a9b57 }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } code, pre { font: 12px ui-monospace, monospace }
`;
