import type { ConchError } from '../base/index.ts';
import { type ModelDynamicBatching, type ModelQueuePolicy, toInteger } from '../config/index.ts';
import { ReleaseOrder } from './order.ts';
import { type QueuePolicy, RequestQueue } from './queue.ts';
import type { PendingRequest } from './request.ts';
import type { Executor, Scheduler, SchedulerOptions } from './scheduler.ts';
import { TokenWindow, type TokenWindowOptions } from './token-window.ts';

/**
 * Triton's dynamic batcher (scheduling rules of `dynamic_batch_scheduler.cc`): it gathers waiting requests from the
 * front of the queue and sends them to a free instance as one batch, at a preferred size if one is in reach, at once or
 * after `max_queue_delay_microseconds`. It never splits a request.
 */
export class DynamicBatcher implements Scheduler {
  readonly #queue: RequestQueue;
  readonly #options: SchedulerOptions;
  readonly #executor: Executor;
  readonly #maxRows: number;
  readonly #preferred: ReadonlySet<number>;
  readonly #maxPreferred: number;
  readonly #delayMs: number;
  readonly #order: ReleaseOrder | undefined;
  readonly #mixShapes: boolean;
  readonly #window: TokenWindow | undefined;
  /** Requests in the batch sent last. */
  #lastCount = 0;
  #stopTimer: (() => void) | undefined;
  #planned = false;
  /** Requests run by themselves since a batch was formed last. */
  #alone = 0;

  constructor(
    options: SchedulerOptions & {
      readonly config: ModelDynamicBatching;
      readonly maxBatchSize: number;
      /** Requests of different shapes may share a batch (the backend does not stack them). */
      readonly mixShapes: boolean;
      /** Batches are chosen by length, not only from the front of the queue. */
      readonly window?: TokenWindowOptions | undefined;
    },
  ) {
    const { config, model, executor, clock } = options;
    this.#options = options;
    this.#executor = executor;
    this.#mixShapes = options.mixShapes;
    this.#window = options.window && new TokenWindow(options.window);
    this.#maxRows = Math.max(1, options.maxBatchSize);
    this.#preferred = new Set(config.preferred_batch_size?.length ? config.preferred_batch_size : [this.#maxRows]);
    this.#maxPreferred = Math.max(...this.#preferred);
    this.#delayMs = toInteger(config.max_queue_delay_microseconds) / 1000;
    this.#order = config.preserve_ordering ? new ReleaseOrder() : undefined;
    const levels = Math.max(1, toInteger(config.priority_levels));
    const byLevel = toInteger(config.priority_levels) > 0 ? config.priority_queue_policy : undefined;
    this.#queue = new RequestQueue({
      model,
      levels,
      defaultLevel: levels === 1 ? 1 : toInteger(config.default_priority_level, 1),
      policy: (level) => policyOf(byLevel?.[level] ?? config.default_queue_policy),
      maxSize: options.maxQueueSize,
      maxBytes: options.maxQueueBytes,
      clock,
      onLeave: () => this.#plan(),
    });
    executor.onAvailable = () => this.#dispatch();
  }

  get pending(): number {
    return this.#queue.size;
  }

  enqueue(pending: PendingRequest): void {
    if (this.#mayRunAlone(pending)) {
      this.#alone += 1;
      this.#executor.execute([pending]);
      return;
    }
    if (this.#order) {
      const { tracked, takeTurn } = this.#order.track(pending);
      this.#queue.push(tracked);
      takeTurn();
    } else this.#queue.push(pending);
    this.#plan();
  }

  clear(error: ConchError): void {
    this.#queue.clear(error);
  }

  /**
   * Its sender wants it so, nobody waits, nobody came together with another lately, and an instance that runs here and now is free: a queue
   * would only cost such a request time. Now and then it costs one that time, to see whether others come with it.
   */
  #mayRunAlone({ request }: PendingRequest): boolean {
    return (
      request.atOnce === true &&
      this.#lastCount <= 1 &&
      this.#alone < aloneInARow &&
      this.#delayMs === 0 &&
      this.#queue.size === 0 &&
      !this.#planned &&
      !this.#order &&
      !request.signal?.aborted &&
      this.#executor.runsNow &&
      this.#executor.available
    );
  }

  /** Forms batches once this turn's arrivals are all in: requests that come together travel together. */
  #plan(): void {
    if (this.#planned || !this.#executor.available) return;
    this.#planned = true;
    this.#options.clock.soon(() => {
      this.#planned = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    while (this.#executor.available) {
      const decision = this.#window ? this.#choose(this.#window) : this.#form();
      if (!decision.send) {
        if (decision.waitMs !== undefined) {
          this.#stopTimer = this.#options.clock.after(decision.waitMs, () => this.#dispatch());
        }
        return;
      }
      const batch = decision.send();
      this.#lastCount = batch.length;
      this.#alone = 0;
      this.#executor.execute(batch);
      // Batches that run here and now leave the event loop a turn between them.
      if (this.#queue.size > 0 && this.#executor.runsNow) {
        this.#plan();
        return;
      }
    }
  }

  /** The next batch by the window's choice; preferred sizes only say when there is enough to be sent. */
  #choose(window: TokenWindow): Decision {
    const now = this.#options.clock.now();
    const batch = window.form(this.#queue, this.#maxRows, now);
    if (!batch) return {};
    const age = now - batch.oldest;
    if (!batch.full && batch.rows < this.#maxPreferred && age < this.#delayMs) return { waitMs: this.#delayMs - age };
    return {
      send: () => {
        batch.sent();
        return this.#queue.takeEach(batch.chosen);
      },
    };
  }

  /** The next batch from the front of the queue. */
  #form(): Decision {
    const take = (count: number): Decision => ({ send: () => this.#queue.take(count) });
    let count = 0;
    let rows = 0;
    let preferredEnd = 0;
    let full = false;
    let oldest = Number.POSITIVE_INFINITY;
    let likeness = '';
    for (const { request, arrivedAt } of this.#queue) {
      if (count === 0) likeness = request.likeness;
      else if (rows + request.rows > this.#maxRows || (!this.#mixShapes && request.likeness !== likeness)) {
        full = true;
        break;
      } else if (rows + request.rows > this.#maxPreferred && preferredEnd === 0) preferredEnd = count;
      count += 1;
      rows += request.rows;
      oldest = Math.min(oldest, arrivedAt);
      if (this.#preferred.has(rows)) preferredEnd = count;
    }
    if (count === 0) return {};
    const age = this.#options.clock.now() - oldest;
    const overdue = age >= this.#delayMs;
    if (preferredEnd > 0 && (this.#delayMs === 0 || !overdue)) return take(preferredEnd);
    if (full || rows >= this.#maxPreferred || overdue) return take(count);
    return { waitMs: this.#delayMs - age };
  }
}

/** After so many requests that ran by themselves one waits for company, so that a rise of the load is noticed. */
const aloneInARow = 15;

/** What to do now: send a batch, look again after a while, or wait until something comes. */
interface Decision {
  /** Takes the batch from the queue. */
  readonly send?: () => PendingRequest[];
  readonly waitMs?: number;
}

/** A ModelQueuePolicy with its absent fields filled in. */
function policyOf(policy: ModelQueuePolicy = {}): QueuePolicy {
  return {
    timeoutMs: toInteger(policy.default_timeout_microseconds) / 1000,
    onTimeout: policy.timeout_action === 'DELAY' || policy.timeout_action === 1 ? 'DELAY' : 'REJECT',
    allowOverride: policy.allow_timeout_override ?? false,
    maxSize: policy.max_queue_size ?? 0,
  };
}
