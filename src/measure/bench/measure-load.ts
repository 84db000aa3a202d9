import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { InferenceRequest, InferenceResponse } from '../../protocol/index.ts';
import type { Load } from './load.ts';
import { loadClock } from './load-clock.ts';
import type { RunningLoop } from './load-loops.ts';
import { runLoad } from './load-run.ts';
import { type RunningThreads, startLoadThreads } from './load-threads.ts';
import type { LoadPoint, Metric, Moment } from './report.ts';
import { ResourceWatch } from './resources.ts';
import { type SampleBatch, Samples } from './samples.ts';
import { InProcessSender } from './senders/in-process.ts';
import { readCounters, sharesBetween } from './server-statistics.ts';
import { isStable, summarise } from './summary.ts';
import { warningsOf } from './warnings.ts';

/** Where requests go: over a network from threads of their own, or to an engine in this process. */
export type Target =
  | {
      readonly kind: 'network';
      readonly protocol: 'http' | 'grpc';
      readonly url: string;
      readonly messages: readonly Uint8Array[];
      readonly headers: Readonly<Record<string, string>>;
      readonly connections: number;
      readonly threads: number;
    }
  | {
      readonly kind: 'in-process';
      readonly requests: readonly InferenceRequest[];
      readonly infer: (request: InferenceRequest) => Promise<InferenceResponse>;
    };

export interface MeasureOptions {
  readonly target: Target;
  readonly load: Load;
  readonly rows: number;
  /** Tokens of each request, in the order of the set. */
  readonly tokens: readonly number[] | undefined;
  readonly rampMs: number;
  readonly warmupMs: number;
  /** Longest measured time; it goes on until something is answered, up to the timeout. */
  readonly durationMs: number;
  readonly stability: number;
  /** Absent: throughput of a closed loop, p95 of an open one, whose throughput is set. */
  readonly metric: Metric | undefined;
  readonly timeoutMs: number;
  /** Whose statistics are read, and of which models. */
  readonly client: InferenceClient | undefined;
  readonly models: readonly string[];
  readonly pid: number | undefined;
  readonly gpu: boolean;
  readonly onMoment?: ((moment: LiveMoment) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is told while a measurement runs. */
export interface LiveMoment extends Moment {
  readonly phase: 'warming up' | 'measuring';
  /** Of the whole, 0 to 1; an early end jumps. */
  readonly fraction: number;
  readonly failed: number;
}

/** At least so long is measured, however steady the first moments look. */
const leastMs = 1000;
const checkMs = 500;

/** Runs one load and measures it. Rejects with the signal's reason, or when a thread of the load generator dies. */
export async function measureLoad(options: MeasureOptions): Promise<LoadPoint> {
  const { load, rows, rampMs, warmupMs, durationMs, signal } = options;
  signal?.throwIfAborted();
  const metric = options.metric ?? (load.kind === 'closed' ? 'throughput' : 'p95');
  const words = new Map<string, string>();
  const samples = new Samples();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  const epoch = process.hrtime.bigint();
  const clock = loadClock(epoch);
  const live = new LiveSeries(options, () => clock.now());
  const onSamples = (batch: SampleBatch) => {
    samples.addBatch(batch);
    live.add(batch);
  };
  const loop = await begin(options, { epoch, words, onSamples, onError: (error) => broken.reject(error) });
  const abort = Promise.withResolvers<never>();
  abort.promise.catch(() => {});
  const onAbort = () => abort.reject(signal!.reason);
  signal?.addEventListener('abort', onAbort);
  const pause = (time: number) => {
    const wait = Promise.withResolvers<void>();
    const cancel = clock.at(time, () => wait.resolve());
    return Promise.race([wait.promise, broken.promise, abort.promise]).finally(cancel);
  };
  const watch = new ResourceWatch({ pid: options.pid, gpu: options.gpu });
  try {
    const counters = () => (options.client ? readCounters(options.client, options.models) : undefined);
    await pause(clock.now() + rampMs + warmupMs);
    const before = await counters();
    await watch.start();
    loop.utilization?.();
    const cpuBefore = process.cpuUsage();
    const from = clock.now();
    live.measureFrom(from);
    let agreed = 0;
    for (let next = from + Math.min(leastMs, durationMs); ; ) {
      await pause(next);
      const now = clock.now();
      if (now >= from + durationMs && (live.answered || now >= from + durationMs + options.timeoutMs)) break;
      // Twice in a row: an interval that is narrow by chance seldom stays so.
      agreed = isStable(summarise(samples, from, now, rows), metric, options.stability) ? agreed + 1 : 0;
      if (agreed >= 2) break;
      next = clock.now() + Math.max(checkMs, (now - from) / 20);
      if (now < from + durationMs) next = Math.min(next, from + durationMs);
    }
    const to = clock.now();
    const utilization = loop.utilization?.();
    const { user, system } = process.cpuUsage(cpuBefore);
    const [after, resources] = [await counters(), await watch.stop()];
    await Promise.race([loop.stop(), broken.promise, abort.promise]);
    const summary = summarise(samples, from, to, rows, words);
    const { tokens } = options;
    const meanTokens = tokens && tokens.reduce((sum, one) => sum + one, 0) / tokens.length;
    const point = {
      load,
      ...summary,
      tokensPerSecond: meanTokens && (summary.answered * meanTokens) / summary.seconds,
      stable: agreed >= 2,
      server: before && after ? sharesBetween(before, after) : [],
      resources,
      client: {
        cpus: (user + system) / 1000 / (to - from),
        busiestThread: load.kind === 'closed' ? utilization : undefined,
      },
    };
    return { ...point, warnings: warningsOf(point, options.target.kind) };
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await Promise.all([watch.stop(), loop.stop().catch(() => {})]);
  }
}

async function begin(
  options: MeasureOptions,
  told: {
    readonly epoch: bigint;
    readonly words: Map<string, string>;
    readonly onSamples: (batch: SampleBatch) => void;
    readonly onError: (error: Error) => void;
  },
): Promise<RunningLoop & Partial<RunningThreads>> {
  const { target, load, rampMs, timeoutMs } = options;
  const { epoch, words, onSamples, onError } = told;
  const onWords = (failure: string, text: string) => void (words.has(failure) || words.set(failure, text));
  if (target.kind === 'network') {
    const { kind: _, ...order } = target;
    return startLoadThreads({
      ...{ ...order, epoch, load, rampMs, timeoutMs, onSamples, onWords },
      onError: (cause) =>
        onError(new ConchError('INTERNAL', `a thread of the load generator died: ${cause.message}`, { cause })),
    });
  }
  const clock = loadClock(epoch);
  const sender = new InProcessSender({ ...target, now: clock.now, explain: onWords });
  return runLoad({ load, sender, clock, first: 0, stride: 1, rampMs, onSamples });
}

/** Sums the samples up for who watches, a few times a second. */
class LiveSeries {
  readonly #options: MeasureOptions;
  readonly #now: () => number;
  readonly #begin: number;
  /** Whether anything was answered since `measureFrom`; until then a measurement goes on beyond its time. */
  answered = false;
  #from: number | undefined;
  #since: number;
  #latencies: number[] = [];
  #failed = 0;

  constructor(options: MeasureOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.#begin = now();
    this.#since = this.#begin;
  }

  measureFrom(time: number): void {
    this.#from = time;
  }

  add({ rows }: SampleBatch): void {
    const { onMoment, rampMs, warmupMs, durationMs } = this.#options;
    for (let at = 0; at < rows.length; at += 4) {
      if (rows[at + 2]! >= (this.#from ?? Number.POSITIVE_INFINITY)) this.answered = true;
      if (!onMoment) continue;
      if (rows[at + 3] === 0) this.#latencies.push(rows[at + 2]! - rows[at]!);
      else this.#failed += 1;
    }
    if (!onMoment) return;
    const now = this.#now();
    if (now - this.#since < 250) return;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    onMoment({
      phase: this.#from === undefined ? 'warming up' : 'measuring',
      fraction: Math.min(1, (now - this.#begin) / (rampMs + warmupMs + durationMs)),
      second: (now - (this.#from ?? this.#begin)) / 1000,
      rate: (1000 * sorted.length) / (now - this.#since),
      p50: at(0.5),
      p99: at(0.99),
      failed: this.#failed,
    });
    this.#latencies = [];
    this.#since = now;
  }
}
