import { percentile } from '../../base/index.ts';
import { percentileEstimate, relativeError, sectioned } from './intervals.ts';
import type { Failure, Latency, LoadPoint, Metric, Moment, PercentileName } from './report.ts';
import { percentiles } from './report.ts';
import type { Samples } from './samples.ts';

/** Sections of a measurement that intervals are made from. */
const sectionCount = 10;
const mostMoments = 120;

/** What the samples of a measured time come to. */
export type Summary = Pick<
  LoadPoint,
  'seconds' | 'answered' | 'failed' | 'failures' | 'throughput' | 'latency' | 'lateness' | 'series' | 'curve'
>;

/**
 * Sums up the requests that were meant to leave in [from, to), milliseconds of the clock: their latencies whenever they
 * came back, and as throughput the answers that came in that time, of `rows` inferences each.
 */
export function summarise(
  samples: Samples,
  from: number,
  to: number,
  rows: number,
  words: ReadonlyMap<string, string> = new Map(),
): Summary {
  const latencies: number[][] = Array.from({ length: sectionCount }, () => []);
  const lateness: number[] = [];
  const ends = new Float64Array(sectionCount);
  const span = to - from;
  const moments = Math.max(1, Math.min(mostMoments, Math.ceil(span / 1000)));
  const series: number[][] = Array.from({ length: moments }, () => []);
  const failures = new Map<string, number>();
  let answered = 0;
  samples.forEach((intended, sent, done, failure) => {
    if (done >= from && done < to && failure === undefined) {
      answered += 1;
      const share = (done - from) / span;
      ends[Math.min(sectionCount - 1, Math.floor(share * sectionCount))]! += 1;
      series[Math.min(moments - 1, Math.floor(share * moments))]!.push(done - intended);
    }
    if (intended < from || intended >= to) return;
    lateness.push(sent - intended);
    if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1);
    else
      latencies[Math.min(sectionCount - 1, Math.floor(((intended - from) / span) * sectionCount))]!.push(
        done - intended,
      );
  });
  const seconds = span / 1000;
  const perSection = seconds / sectionCount;
  const all = Float64Array.from(latencies.flat()).sort();
  const late = Float64Array.from(lateness).sort();
  const at = (sorted: Float64Array, p: number) => (sorted.length > 0 ? percentile(sorted, p) : 0);
  return {
    seconds,
    answered,
    failed: [...failures.values()].reduce((sum, count) => sum + count, 0),
    failures: [...failures].map(([code, count]): Failure => {
      const message = words.get(code);
      return { code, count, ...(message && { message }) };
    }),
    throughput: sectioned(
      (answered * rows) / seconds,
      [...ends].map((count) => (count * rows) / perSection),
    ),
    latency: all.length > 0 ? latencyOf(all, latencies) : undefined,
    lateness: { p50: at(late, 50), p99: at(late, 99), max: late.at(-1) ?? 0 },
    series: series.map((list, index) => momentOf(list, ((index + 0.5) * seconds) / moments, seconds / moments)),
    curve: curveOf(all),
  };
}

function latencyOf(all: Float64Array, latencies: readonly (readonly number[])[]): Latency {
  const sections = latencies.map((list) => Float64Array.from(list).sort());
  const mean = (list: ArrayLike<number>) =>
    (Array.prototype.reduce.call(list, (sum, one) => (sum as number) + (one as number), 0) as number) / list.length;
  return {
    mean: sectioned(mean(all), sections.every(({ length }) => length > 0) ? sections.map(mean) : []),
    max: all.at(-1)!,
    ...(Object.fromEntries(percentiles.map((p) => [`p${p}`, percentileEstimate(all, sections, p)])) as Record<
      PercentileName,
      Latency['p50']
    >),
  };
}

function momentOf(latencies: readonly number[], second: number, length: number): Moment {
  const sorted = Float64Array.from(latencies).sort();
  return { second, rate: sorted.length / length, p50: percentile(sorted, 50), p99: percentile(sorted, 99) };
}

/** Percentiles at which the rest halves, up to a few requests. */
function curveOf(sorted: Float64Array): [number, number][] {
  const points: [number, number][] = [];
  for (let rest = 1; rest * sorted.length >= 2; rest *= 0.8) {
    points.push([100 * (1 - rest), percentile(sorted, 100 * (1 - rest))]);
  }
  return points;
}

/** Whether a metric is known to within `stability` (a share of its value). */
export function isStable({ throughput, latency }: Summary, metric: Metric, stability: number): boolean {
  const estimate = metric === 'throughput' ? throughput : latency?.[metric];
  return estimate !== undefined && relativeError(estimate) <= stability;
}
