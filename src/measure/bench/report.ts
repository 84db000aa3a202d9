import type { Estimate } from './intervals.ts';
import type { Load } from './load.ts';
import type { ResourceUse } from './resources.ts';
import type { ServerShare } from './server-statistics.ts';

export const percentiles = [50, 90, 95, 99, 99.9] as const;
export type PercentileName = 'p50' | 'p90' | 'p95' | 'p99' | 'p99.9';
export type Metric = 'throughput' | PercentileName;

/** Milliseconds of answered requests: of an open loop from the time at which they were meant to leave. */
export type Latency = Readonly<Record<PercentileName, Estimate>> & {
  readonly mean: Estimate;
  readonly max: number;
};

export interface Failure {
  /** conch's or the server's code, e.g. `UNAVAILABLE (HTTP 503)`, `DEADLINE_EXCEEDED`. */
  readonly code: string;
  readonly count: number;
  /** What the server said to the first. */
  readonly message?: string;
}

/** One second, or a fraction of a longer run, of a measurement. */
export interface Moment {
  /** Seconds since the measured time began. */
  readonly second: number;
  /** Answers a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

/** One load, measured. */
export interface LoadPoint {
  readonly load: Load;
  /** Measured, without ramp and warm-up. */
  readonly seconds: number;
  /** Answered within that time. */
  readonly answered: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  /** Inferences (rows) a second. */
  readonly throughput: Estimate;
  /** The same in tokens, where the tokens of the requests are known. */
  readonly tokensPerSecond: number | undefined;
  /** Undefined where nothing was answered. */
  readonly latency: Latency | undefined;
  /** Milliseconds by which requests left later than they were meant to. */
  readonly lateness: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Whether the stop rule was met before the time was up. */
  readonly stable: boolean;
  /** Of the model, and of an ensemble's steps behind it; empty where the server keeps no statistics. */
  readonly server: readonly ServerShare[];
  readonly resources: ResourceUse;
  /** Of the load generator: processors used by this process, and the busiest thread's share of its time. */
  readonly client: { readonly cpus: number; readonly busiestThread: number | undefined };
  readonly series: readonly Moment[];
  /** Latency by percentile, for a plot: pairs of percentile and milliseconds. */
  readonly curve: readonly (readonly [percentile: number, milliseconds: number])[];
  /** What makes the numbers doubtful. */
  readonly warnings: readonly string[];
}

/** A bound that was given, and how it was met. */
export interface LimitResult {
  readonly load: string;
  readonly metric: string;
  readonly limit: number;
  readonly value: number;
  readonly met: boolean;
}

export interface BenchReport {
  readonly model: string;
  readonly version: string;
  readonly server: { readonly url: string; readonly name: string; readonly version: string };
  readonly protocol: 'http' | 'grpc' | 'in-process';
  readonly tensors: 'binary' | 'json';
  /** What was sent. */
  readonly requests: {
    readonly description: string;
    readonly rows: number;
    readonly distinct: number;
    readonly texts: boolean;
  };
  readonly settings: {
    readonly rampMs: number;
    readonly warmupMs: number;
    readonly durationMs: number;
    /** Half of the 95 % interval beside the value at which a measurement ends early. */
    readonly stability: number;
    readonly metric: Metric | 'default';
    readonly loadThreads: number;
  };
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly load: number;
  };
  readonly points: readonly LoadPoint[];
  readonly limits: readonly LimitResult[];
  /** Every limit met, and something answered. */
  readonly passed: boolean;
  readonly startedAt: string;
}
