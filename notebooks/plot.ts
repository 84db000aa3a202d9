import { type Plot, plotSvg } from '../src/measure/bench/plot.ts';

const colours = ['#2563eb', '#dc2626', '#059669', '#9333ea'];
const lines = colours.map((colour, index) => `.conch .line${index}{stroke:${colour};fill:${colour};color:${colour}}`);
const style = [
  '.conch{max-width:560px}.conch text{font:12px sans-serif;fill:#555}.conch h2{font-size:14px}',
  '.conch .grid{stroke:#ddd}.conch polyline{stroke-width:2}.conch .dashed{stroke-dasharray:5 4}',
  ...lines,
  '.conch polyline[class]{fill:none}.conch .legend span{stroke:none}',
].join('');

/** A plot as HTML with inline SVG, as the pages of `conch bench` draw it. */
export function plotHtml(plot: Plot): string {
  return `<div class="conch"><style>${style}</style>${plotSvg(plot)}</div>`;
}

/** Horizontal bars with their values, the largest at full width. */
export function barsHtml(
  title: string,
  bars: readonly (readonly [name: string, value: number, text: string])[],
): string {
  const [row, most] = [26, Math.max(...bars.map(([, value]) => value))];
  const rows = bars.map(([name, value, text], index) => {
    const [y, length] = [index * row, ((value / most) * 300).toFixed(1)];
    return (
      `<text x="140" y="${y + 17}" text-anchor="end">${name}</text>` +
      `<rect x="148" y="${y + 4}" width="${length}" height="${row - 8}" fill="${colours[0]}"/>` +
      `<text x="${Number(length) + 154}" y="${y + 17}">${text}</text>`
    );
  });
  const svg = `<svg viewBox="0 0 560 ${bars.length * row}">${rows.join('')}</svg>`;
  return `<div class="conch"><style>${style}</style><h2>${title}</h2>${svg}</div>`;
}
