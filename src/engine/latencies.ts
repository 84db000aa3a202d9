import type { ModelConfig } from '../config/index.ts';
import type { Clock } from './clock.ts';
import type { Durations } from './request.ts';

/** Which latencies metrics show, as Triton's --metrics-config. */
export interface LatencyMetrics {
  /** `counter_latencies`: total durations; absent: true. */
  readonly counters?: boolean;
  /** `histogram_latencies`: time to the first response of decoupled models; absent: false. */
  readonly histograms?: boolean;
  /** `summary_latencies`: quantiles of each part of a request's way; absent: false. */
  readonly summaries?: boolean;
  /** `summary_quantiles`; absent: 0.5, 0.9, 0.95, 0.99, 0.999. */
  readonly quantiles?: readonly number[];
}

/** Parts of a request's way that have a summary, under the middle of Triton's metric names. */
export const summaryNames = [
  'request',
  'queue',
  'compute_input',
  'compute_infer',
  'compute_output',
  'cache_hit',
  'cache_miss',
] as const;
export type SummaryName = (typeof summaryNames)[number];

export interface SummarySnapshot {
  readonly count: number;
  /** Microseconds. */
  readonly sum: number;
  /** By quantile, in microseconds; NaN where nothing happened lately. */
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
}

export interface HistogramSnapshot {
  readonly count: number;
  /** Milliseconds. */
  readonly sum: number;
  /** Observations up to each bound, in milliseconds, ascending; beyond the last: `count`. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
}

export interface LatencySnapshot {
  readonly summaries: Readonly<Partial<Record<SummaryName, SummarySnapshot>>>;
  readonly firstResponse: HistogramSnapshot | undefined;
}

const defaultQuantiles = [0.5, 0.9, 0.95, 0.99, 0.999];
/** Milliseconds. */
const defaultBuckets = [100, 500, 2000, 5000];
const firstResponseFamily = 'nv_inference_first_response_histogram_ms';

/** Latencies of one model version beyond totals; kept only where they are asked for. */
export class Latencies {
  readonly #clock: Clock;
  readonly #quantiles: readonly number[];
  readonly #summaries: Readonly<Record<SummaryName, Summary>> | undefined;
  readonly #caching: boolean;
  readonly #firstResponse: Histogram | undefined;

  private constructor(config: ModelConfig, metrics: LatencyMetrics, caching: boolean, clock: Clock) {
    this.#clock = clock;
    this.#quantiles = metrics.quantiles ?? defaultQuantiles;
    this.#caching = caching;
    if (metrics.summaries) {
      this.#summaries = Object.fromEntries(summaryNames.map((name) => [name, new Summary()])) as never;
    }
    const decoupled = config.model_transaction_policy?.decoupled ?? false;
    if (metrics.histograms && decoupled) this.#firstResponse = new Histogram(bucketsOf(config));
  }

  /** Undefined where nothing is to be kept. */
  static of(config: ModelConfig, metrics: LatencyMetrics, caching: boolean, clock: Clock): Latencies | undefined {
    return metrics.summaries || metrics.histograms ? new Latencies(config, metrics, caching, clock) : undefined;
  }

  /** Nanoseconds, here and below. */
  request(totalNs: number, durations: Durations): void {
    const summaries = this.#summaries;
    if (!summaries) return;
    const now = this.#clock.now();
    summaries.request.observe(totalNs, now);
    summaries.queue.observe(durations.queue, now);
    summaries.compute_input.observe(durations.computeInput, now);
    summaries.compute_infer.observe(durations.computeInfer, now);
    summaries.compute_output.observe(durations.computeOutput, now);
  }

  /** A request answered from the cache, which is all that it went through. */
  cacheHit(ns: number): void {
    const now = this.#clock.now();
    this.#summaries?.request.observe(ns, now);
    this.#summaries?.queue.observe(0, now);
    this.#summaries?.cache_hit.observe(ns, now);
  }

  cacheMiss(ns: number): void {
    this.#summaries?.cache_miss.observe(ns, this.#clock.now());
  }

  firstResponse(ns: number): void {
    this.#firstResponse?.observe(ns / 1e6);
  }

  snapshot(): LatencySnapshot {
    const now = this.#clock.now();
    const names = this.#summaries ? summaryNames.filter((name) => this.#caching || !name.startsWith('cache')) : [];
    return {
      summaries: Object.fromEntries(
        names.map((name) => [name, this.#summaries![name].snapshot(this.#quantiles, now)]),
      ) as LatencySnapshot['summaries'],
      firstResponse: this.#firstResponse?.snapshot(),
    };
  }
}

/** The config's buckets for the histogram (`model_metrics`), else Triton's. */
function bucketsOf(config: ModelConfig): readonly number[] {
  const control = config.model_metrics?.metric_control?.find(
    ({ metric_identifier: metric }) => metric?.family === firstResponseFamily,
  );
  const buckets = control?.histogram_options?.buckets;
  return buckets?.length ? [...buckets].sort((a, b) => a - b) : defaultBuckets;
}

/** Observations of the last minute, as many as there is room for; quantiles are found when somebody asks. */
class Summary {
  static readonly room = 2048;
  static readonly windowMs = 60_000;
  readonly #values = new Float64Array(Summary.room);
  readonly #times = new Float64Array(Summary.room);
  #count = 0;
  #sum = 0;

  observe(ns: number, now: number): void {
    const at = this.#count % Summary.room;
    const microseconds = Math.floor(ns / 1000);
    this.#values[at] = microseconds;
    this.#times[at] = now;
    this.#count += 1;
    this.#sum += microseconds;
  }

  snapshot(quantiles: readonly number[], now: number): SummarySnapshot {
    const kept = Math.min(this.#count, Summary.room);
    const recent = this.#values
      .subarray(0, kept)
      .filter((_, index) => now - this.#times[index]! <= Summary.windowMs)
      .sort();
    const at = (quantile: number) => recent[Math.max(0, Math.ceil(quantile * recent.length) - 1)] ?? Number.NaN;
    return { count: this.#count, sum: this.#sum, quantiles: quantiles.map((one) => [one, at(one)] as const) };
  }
}

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#count += 1;
    this.#sum += value;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.#counts[bucket]! += 1;
  }

  snapshot(): HistogramSnapshot {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index]!;
      return [bound, below] as const;
    });
    return { count: this.#count, sum: this.#sum, buckets };
  }
}
