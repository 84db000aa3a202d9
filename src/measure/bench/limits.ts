import { describeLoad } from './load.ts';
import type { LimitResult, LoadPoint, PercentileName } from './report.ts';

/** A bound that a measurement must keep. */
export interface Limit {
  /** Latencies in milliseconds at most; throughput in inferences a second at least; share of failed requests at most. */
  readonly metric: PercentileName | 'throughput' | 'failed';
  readonly value: number;
}

/** Every limit at every load; what was not answered has no latency and meets no bound on it. */
export function testLimits(points: readonly LoadPoint[], limits: readonly Limit[]): LimitResult[] {
  return points.flatMap((point) =>
    limits.map(({ metric, value: limit }) => {
      const value = measured(point, metric);
      const met = metric === 'throughput' ? value >= limit : value <= limit;
      return { load: describeLoad(point.load), metric, limit, value, met };
    }),
  );
}

function measured({ throughput, latency, answered, failed }: LoadPoint, metric: Limit['metric']): number {
  if (metric === 'throughput') return throughput.value;
  if (metric === 'failed') return failed === 0 ? 0 : failed / (answered + failed);
  return latency?.[metric].value ?? Number.POSITIVE_INFINITY;
}
