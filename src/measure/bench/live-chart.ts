import { milliseconds, rate } from './format.ts';
import type { LiveMoment } from './measure-load.ts';

const blocks = '▁▂▃▄▅▆▇█';
const width = 40;

/** The last `width` values as a line of blocks, between 0 and the highest of them; a gap where there is no number. */
export function sparkline(values: readonly number[]): string {
  const shown = values.slice(-width);
  const top = Math.max(0, ...shown.filter(Number.isFinite));
  return shown
    .map((value) => {
      if (!Number.isFinite(value)) return ' ';
      const height = top > 0 ? value / top : 0;
      return blocks[Math.min(blocks.length - 1, Math.max(0, Math.floor(height * blocks.length)))]!;
    })
    .join('');
}

/** Throughput and p99 of the last moments, as lines that a terminal draws over themselves. */
export class LiveChart {
  #rates: number[] = [];
  #latencies: number[] = [];

  /** What to show after this moment. */
  add(moment: LiveMoment): string {
    this.#rates = [...this.#rates, moment.rate].slice(-width);
    this.#latencies = [...this.#latencies, moment.p99].slice(-width);
    const failed = moment.failed > 0 ? `  ${moment.failed} failed` : '';
    return [
      moment.phase,
      `  ${rate(moment.rate).padStart(7)} requests/s  ${sparkline(this.#rates)}`,
      `  ${milliseconds(moment.p99).padStart(7)} ms p99      ${sparkline(this.#latencies)}${failed}`,
    ].join('\n');
  }
}
