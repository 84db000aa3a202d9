import { type ConchError, toConchError } from '../../base/index.ts';
import { type BenchOptions, bench } from '../bench/bench.ts';
import type { BenchReport } from '../bench/report.ts';
import type { Measurement } from './measurement.ts';
import { MemoryGuard, OutOfMemory } from './memory-guard.ts';
import type { Point } from './space.ts';

/** A server that takes one configuration after another. */
export interface TunableServer {
  /** Serves the point's configuration; throws what loading it fails with. */
  apply(point: Point, signal: AbortSignal): Promise<{ readonly url: string; readonly pid: number | undefined }>;
  /** Ends it, or gives it back its own configuration. */
  close(): Promise<void>;
}

export interface EvaluateOptions {
  readonly server: TunableServer;
  readonly bench: Omit<BenchOptions, 'url' | 'pid' | 'signal' | 'progress'>;
  readonly reserveBytes: number;
  readonly gpuReserve: number;
  readonly signal?: AbortSignal | undefined;
}

/** Measures one configuration. What fails with it is its result; only an abort and what no other would survive is thrown. */
export async function evaluate(point: Point, options: EvaluateOptions): Promise<Measurement> {
  const { server, signal, reserveBytes, gpuReserve } = options;
  const started = performance.now();
  const guard = new MemoryGuard({ reserveBytes, gpuReserve });
  const both = signal ? AbortSignal.any([signal, guard.signal]) : guard.signal;
  const result = { id: point.join() };
  const seconds = () => (performance.now() - started) / 1000;
  try {
    const { url, pid } = await server.apply(point, both);
    const report = await bench({ ...options.bench, url, pid, signal: both });
    return { ...result, ...summed(report), seconds: seconds() };
  } catch (thrown) {
    signal?.throwIfAborted();
    const low = guard.signal.aborted ? guard.signal.reason : undefined;
    const error = low instanceof OutOfMemory ? low : toConchError(thrown);
    if (fatal.has(error.code)) throw error;
    return { ...result, loads: [], failed: error.message.split('\n')[0]!.slice(0, 300), seconds: seconds() };
  } finally {
    guard.stop();
  }
}

/** What is wrong with the request itself, whatever the configuration. */
const fatal = new Set<ConchError['code']>(['USAGE', 'FILE_NOT_FOUND', 'FILE_INVALID', 'MODEL_NOT_FOUND', 'INTERNAL']);

function summed({ points }: BenchReport): Pick<Measurement, 'loads' | 'pssBytes' | 'gpuBytes' | 'others' | 'failed'> {
  const peaks = points.flatMap(({ resources }) => resources.peakPssBytes ?? []);
  const others = points.flatMap(({ resources }) => resources.others ?? []);
  const gpus = points.flatMap(({ resources }) =>
    resources.gpus ? [resources.gpus.reduce((sum, { peakBytes }) => sum + peakBytes, 0)] : [],
  );
  const failure = points.flatMap(({ failures }) => failures)[0];
  return {
    loads: points.flatMap(({ load, throughput, latency }) =>
      latency ? [{ load, throughput: throughput.value, p50: latency.p50.value, p99: latency.p99.value }] : [],
    ),
    ...(peaks.length > 0 && { pssBytes: Math.max(...peaks) }),
    ...(others.length > 0 && { others: Math.max(...others) }),
    ...(gpus.length > 0 && { gpuBytes: Math.max(...gpus) }),
    ...(failure && {
      failed: `${failure.count} requests failed with ${failure.code}${failure.message ? `: ${failure.message}` : ''}`,
    }),
  };
}
