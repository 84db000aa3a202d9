import type { LoadPoint } from './report.ts';

/** Latency's least share that lateness must reach to be worth a word. */
const tellingShare = 0.1;

/** Share of the machine that others may take without a word. */
const mostOthers = 0.15;

/** What makes a measurement doubtful, each in a sentence. */
export function warningsOf(point: Omit<LoadPoint, 'warnings'>, kind: 'network' | 'in-process'): string[] {
  const { load, latency, lateness, client, throughput, failed, answered, seconds } = point;
  const warnings: string[] = [];
  if (answered === 0) warnings.push('no request was answered');
  if (load.kind === 'open') {
    if (latency && lateness.p99 > 1 && lateness.p99 > tellingShare * latency.p50.value) {
      warnings.push(
        `the load generator itself was late: 1 % of the requests left more than ${lateness.p99.toFixed(1)} ms after their time; use more --load-threads or another machine`,
      );
    }
    const rate = answered / seconds;
    const expected = load.rate * seconds;
    // Three deviations of a Poisson count; constant arrivals vary less.
    if (rate < 0.98 * load.rate && answered + failed < expected - 3 * Math.sqrt(expected) - 1) {
      warnings.push(
        `the server did not keep up: ${rate.toFixed(rate < 10 ? 1 : 0)} answers a second to ${load.rate} requests; latencies grow as long as it lasts`,
      );
    }
  }
  const busy = client.busiestThread;
  if (kind === 'network' && busy !== undefined && busy > 0.9) {
    warnings.push(
      `the load generator was busy for ${(100 * busy).toFixed(0)} % of the time and may be what limits; use more --load-threads`,
    );
  }
  const { others = 0 } = point.resources;
  if (others > mostOthers) {
    warnings.push(`other processes took ${(100 * others).toFixed(0)} % of this machine's processors meanwhile`);
  }
  if (!point.stable && throughput.low === undefined) warnings.push('too short for intervals');
  return warnings;
}
