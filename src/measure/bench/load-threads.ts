import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Load } from './load.ts';
import { shareOf } from './load.ts';
import type { RunningLoop } from './load-loops.ts';
import type { SampleBatch } from './samples.ts';

/** What one thread is to do. */
export interface LoadOrder {
  readonly protocol: 'http' | 'grpc';
  readonly url: string;
  readonly messages: readonly Uint8Array[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly epoch: bigint;
  readonly load: Load;
  readonly first: number;
  readonly stride: number;
  readonly rampMs: number;
}

export type WorkerNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'samples'; readonly batch: SampleBatch }
  | { readonly kind: 'done'; readonly words: readonly (readonly [string, string])[] };

export interface LoadThreadsOptions extends Omit<LoadOrder, 'first' | 'stride'> {
  readonly threads: number;
  readonly onSamples: (batch: SampleBatch) => void;
  /** The server's words to the first failure of each kind. */
  readonly onWords: (failure: string, words: string) => void;
  /** A thread has died. */
  readonly onError: (error: Error) => void;
}

export interface RunningThreads extends RunningLoop {
  /** The busiest thread's share of its time in the event loop since the last call, 0 to 1. */
  utilization(): number;
}

/**
 * Makes load in threads of their own, so that drawing and reading of /proc delay no request; resolves when they begin.
 * Rejects when one dies before.
 */
export async function startLoadThreads(options: LoadThreadsOptions): Promise<RunningThreads> {
  const { threads, onSamples, onWords, onError, load, connections, ...order } = options;
  const file = new URL(`./load-worker${extname(import.meta.url)}`, import.meta.url);
  const shares = Array.from({ length: threads }, (_, index) => shareOf(load, index, threads)).filter(
    (one) => one !== undefined,
  );
  const ends: Promise<void>[] = [];
  const starts: Promise<void>[] = [];
  const workers = shares.map((share, first) => {
    const workerData: LoadOrder = {
      ...order,
      load: share,
      connections: Math.max(1, Math.ceil(connections / shares.length)),
      first,
      stride: shares.length,
    };
    const worker = new Worker(file, { workerData, name: `load-${first}`, execArgv: [] });
    const ready = Promise.withResolvers<void>();
    worker.on('message', (news: WorkerNews) => {
      if (news.kind === 'samples') onSamples(news.batch);
      else if (news.kind === 'ready') ready.resolve();
      else for (const [failure, words] of news.words) onWords(failure, words);
    });
    worker.on('error', (error) => {
      ready.reject(error);
      onError(error);
    });
    starts.push(ready.promise);
    ends.push(new Promise((resolve) => worker.once('exit', () => resolve())));
    return { worker, seen: worker.performance.eventLoopUtilization() };
  });
  try {
    await Promise.all(starts);
  } catch (error) {
    for (const { worker } of workers) void worker.terminate();
    throw error;
  }
  for (const { worker } of workers) worker.postMessage('start');
  return {
    utilization() {
      return Math.max(
        0,
        ...workers.map((one) => {
          const now = one.worker.performance.eventLoopUtilization();
          const { utilization } = one.worker.performance.eventLoopUtilization(now, one.seen);
          one.seen = now;
          return utilization;
        }),
      );
    },
    async stop() {
      for (const { worker } of workers) worker.postMessage('stop');
      await Promise.all(ends);
    },
  };
}
