import type { ConchError } from '../base/index.ts';
import type { Clock } from './clock.ts';
import { type QueuePolicy, RequestQueue } from './queue.ts';
import type { PendingRequest } from './request.ts';

/** Where schedulers send batches; `instances.ts` has the real one. */
export interface Executor {
  /** Whether an instance would start on a batch now. */
  readonly available: boolean;
  /** Runs requests as one batch and settles each; only while `available`. Calls `onAvailable` when it has room again. */
  execute(batch: readonly PendingRequest[]): void;
  onAvailable: () => void;
  /** A batch is settled when `execute` returns, which then does not call `onAvailable`. */
  readonly runsNow: boolean;
}

/** One instance of a model, for schedulers to which it matters which one runs a batch. */
export interface Lane extends Executor {
  /** The instance is up, though it may be busy. */
  readonly alive: boolean;
  /** Nothing runs on it. */
  readonly idle: boolean;
  /** It is to end, and should be given nothing new. */
  readonly leaving: boolean;
  /** While true, an instance that is leaving stays. */
  isNeeded: () => boolean;
  /** `isNeeded` may have become false. */
  letGo(): void;
  /** The instance died, and with it all that it remembered. */
  onLost: (error: ConchError) => void;
  /** Another has been started in its place. */
  onRestored: () => void;
}

/** Decides which requests run together, and when. One per model version, shared by its instances. */
export interface Scheduler {
  /** Requests that wait for an instance. */
  readonly pending: number;
  /** Takes a request in; throws (QUEUE_FULL, REQUEST_CANCELLED) when it is refused at the door. */
  enqueue(pending: PendingRequest): void;
  /** Fails all that wait. */
  clear(error: ConchError): void;
}

export interface SchedulerOptions {
  readonly model: string;
  readonly executor: Executor;
  readonly clock: Clock;
  /** Bounds of the queue where the config sets none. */
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/** Without a batcher: every request is an execution of its own, first come first served, on whichever instance is free. */
export class DefaultScheduler implements Scheduler {
  readonly #queue: RequestQueue;
  readonly #executor: Executor;

  constructor(options: SchedulerOptions) {
    this.#executor = options.executor;
    this.#queue = new RequestQueue({
      model: options.model,
      levels: 1,
      defaultLevel: 1,
      policy: () => noPolicy,
      maxSize: options.maxQueueSize,
      maxBytes: options.maxQueueBytes,
      clock: options.clock,
      onLeave: () => {},
    });
    this.#executor.onAvailable = () => this.#dispatch();
  }

  get pending(): number {
    return this.#queue.size;
  }

  enqueue(pending: PendingRequest): void {
    this.#queue.push(pending);
    this.#dispatch();
  }

  clear(error: ConchError): void {
    this.#queue.clear(error);
  }

  #dispatch(): void {
    while (this.#queue.size > 0 && this.#executor.available) this.#executor.execute(this.#queue.take(1));
  }
}

/** Triton's default scheduler knows no timeouts, priorities or sizes. */
const noPolicy: QueuePolicy = { timeoutMs: 0, onTimeout: 'REJECT', allowOverride: false, maxSize: 0 };
