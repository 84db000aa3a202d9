import type { ConchError } from '../../base/index.ts';
import type { ModelDynamicBatching } from '../../config/index.ts';
import { DynamicBatcher } from '../batcher.ts';
import { type AdmittedRequest, type Outcome, PendingRequest } from '../request.ts';
import type { Executor, Scheduler } from '../scheduler.ts';
import type { TokenWindowOptions } from '../token-window.ts';
import { FakeClock } from './fake-clock.ts';

export const noTime: Outcome = {
  outputs: [],
  durations: { queue: 0, computeInput: 0, computeInfer: 0, computeOutput: 0 },
};

/** Instances that finish a batch when told to. */
export class HandExecutor implements Executor {
  onAvailable: () => void = () => {};
  /** Names of the requests of every batch so far. */
  readonly batches: string[][] = [];
  readonly running: (readonly PendingRequest[])[] = [];
  instances: number;
  /** Batches end well at once. */
  readonly runsNow: boolean;
  readonly #names: WeakMap<AdmittedRequest, string>;

  constructor(instances: number, names: WeakMap<AdmittedRequest, string>, runsNow = false) {
    this.instances = instances;
    this.runsNow = runsNow;
    this.#names = names;
  }

  get available(): boolean {
    return this.running.length < this.instances;
  }

  execute(batch: readonly PendingRequest[]): void {
    if (this.runsNow) for (const pending of batch) pending.succeed(noTime);
    else this.running.push(batch);
    this.batches.push(batch.map((pending) => this.#names.get(pending.request)!));
  }

  /** Ends the `index`-th running batch well. */
  finish(index = 0): void {
    const [batch] = this.running.splice(index, 1);
    for (const pending of batch!) pending.succeed(noTime);
    this.onAvailable();
  }
}

/** A scheduler with hand-turned instances and time, and a log of what became of each request. */
export class Bench {
  readonly clock = new FakeClock();
  readonly executor: HandExecutor;
  readonly scheduler: Scheduler;
  /** In order of settlement: a request's name, with the error's code where it failed. */
  readonly settled: string[] = [];
  readonly errors = new Map<string, ConchError>();
  readonly #names = new WeakMap<AdmittedRequest, string>();

  constructor(
    options: {
      instances?: number;
      maxBatchSize?: number;
      mixShapes?: boolean;
      runsNow?: boolean;
      maxQueueSize?: number;
      maxQueueBytes?: number;
      config?: ModelDynamicBatching;
      window?: TokenWindowOptions;
      make?: (executor: Executor, clock: FakeClock) => Scheduler;
    } = {},
  ) {
    this.executor = new HandExecutor(options.instances ?? 1, this.#names, options.runsNow);
    this.scheduler =
      options.make?.(this.executor, this.clock) ??
      new DynamicBatcher({
        model: 'm',
        executor: this.executor,
        clock: this.clock,
        maxQueueSize: options.maxQueueSize ?? 1000,
        maxQueueBytes: options.maxQueueBytes ?? 1e9,
        config: options.config ?? {},
        maxBatchSize: options.maxBatchSize ?? 8,
        mixShapes: options.mixShapes ?? false,
        window: options.window,
      });
  }

  /** Sends requests of one row each, named by the letters of `names`. */
  send(names: string, options: Partial<AdmittedRequest> = {}): void {
    for (const name of names) {
      const request: AdmittedRequest = {
        inputs: [],
        outputs: [],
        context: {},
        batchSize: options.rows ?? 1,
        rows: 1,
        likeness: '',
        bytes: 1,
        priority: 0,
        timeoutMicroseconds: 0,
        signal: undefined,
        ...options,
      };
      this.#names.set(request, name);
      const pending = new PendingRequest(
        request,
        this.clock.now(),
        () => this.settled.push(name),
        (error) => {
          this.errors.set(name, error);
          this.settled.push(`${name}:${error.code}`);
        },
      );
      this.scheduler.enqueue(pending);
    }
  }

  /** Batches so far as strings of names. */
  get batches(): string[] {
    return this.executor.batches.map((batch) => batch.join(''));
  }
}
