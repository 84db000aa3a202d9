import { ConchError, type Logger, toConchError } from '../base/index.ts';
import type { BackendInstance, Batch, BatchResult, LoadedModel } from './backend.ts';
import { answerBatch, batchOf, emitterFor, isError } from './batch-answers.ts';
import type { Clock } from './clock.ts';
import { failAll, failOpen, InstanceLane, type Slot } from './instance-slot.ts';
import type { LimitedInstance } from './rate-limiter.ts';
import type { PendingRequest } from './request.ts';
import type { Executor, Lane } from './scheduler.ts';

export interface InstancePoolOptions {
  /** What errors and logs call the model. */
  readonly model: string;
  readonly loaded: LoadedModel;
  /** Requests are answered by any number of responses, which may come after their batch is done. */
  readonly decoupled: boolean;
  /** Of an engine with a rate limiter: an instance's place in it, by its index. */
  readonly limit?: (name: string, index: number) => LimitedInstance;
  /** Run on every new instance before it takes requests (warm-up). */
  readonly prepare: (instance: BackendInstance) => Promise<void>;
  /** A batch of `rows` has been run and at least one of its requests succeeded, or that does not matter. */
  readonly onExecution: (rows: number, result: BatchResult) => void;
  /** The last instance is gone for good. */
  readonly onDead: (error: ConchError) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Waits before the first, second, ... restart in a row, in ms; after the last an instance stays down. */
const restartDelays = [0, 100, 1000];

/**
 * The instances of one model version. An instance that dies fails only the batch it held and is started anew; one that
 * keeps dying without finishing a batch in between stays down.
 */
export class InstancePool implements Executor {
  onAvailable: () => void = () => {};
  readonly #options: InstancePoolOptions;
  readonly #slots: Slot[];
  readonly #leaving = new Set<Slot>();
  readonly #running = new Set<readonly PendingRequest[]>();
  readonly #starting = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  private constructor(options: InstancePoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.loaded.facts.instances }, (_, index) => this.#createSlot(index));
  }

  /** All instances started and prepared; if one cannot be, none is left. */
  static async start(options: InstancePoolOptions): Promise<InstancePool> {
    const pool = new InstancePool(options);
    try {
      for (const [index, slot] of pool.#slots.entries()) slot.limited = options.limit?.(slot.name, index);
    } catch (thrown) {
      await pool.close(toConchError(thrown));
      throw thrown;
    }
    const started = await Promise.allSettled(pool.#slots.map((slot) => pool.#start(slot)));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) {
      await pool.close(toConchError(failed.reason));
      throw failed.reason;
    }
    return pool;
  }

  /**
   * Starts or ends instances until there are `count`; those that go finish first what they have. When one cannot be
   * started everything stays as it was.
   */
  async resize(count: number): Promise<void> {
    const missing = Math.max(0, count - this.#slots.length);
    const added = Array.from({ length: missing }, (_, index) => this.#createSlot(this.#slots.length + index));
    const started = await Promise.allSettled(added.map((slot) => this.#start(slot)));
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) {
      await Promise.allSettled(added.map((slot) => slot.instance?.close()));
      throw failed.reason;
    }
    this.#slots.push(...added);
    for (const slot of this.#slots.splice(count)) {
      slot.leaving = true;
      this.#leaving.add(slot);
      this.#letGo(slot);
    }
    if (added.length > 0) this.onAvailable();
  }

  #createSlot(index: number): Slot {
    const slot: Slot = {
      name: `${this.#options.model}_${index}`,
      limited: undefined,
      lane: new InstanceLane(() => slot, {
        concurrency: this.#options.loaded.facts.concurrency,
        execute: (batch) => this.#executeOn(slot, batch),
        letGo: () => this.#letGo(slot),
      }),
      instance: undefined,
      running: 0,
      restarts: 0,
      dead: false,
      open: new Set(),
      leaving: false,
    };
    return slot;
  }

  /** Frees an instance that is to go, once it has nothing to do any more. */
  #letGo(slot: Slot): void {
    if (!slot.leaving || slot.running > 0 || slot.open.size > 0 || slot.lane.isNeeded()) return;
    this.#leaving.delete(slot);
    void slot.instance?.close().catch((error: unknown) => {
      this.#options.logger.warn({ instance: slot.name, err: error }, 'instance did not end well');
    });
    slot.instance = undefined;
  }

  get available(): boolean {
    return this.#pick() !== undefined;
  }

  /** False once every instance has died and none will come back. */
  get healthy(): boolean {
    return this.#slots.some((slot) => !slot.dead);
  }

  /** Whether it is healthy, and every instance that has a say in it finds itself ready. */
  checkReady(): boolean | Promise<boolean> {
    if (!this.healthy) return false;
    const answers = this.#slots.flatMap(({ instance }) => (instance?.ready ? [instance.ready()] : []));
    return answers.length === 0 || Promise.all(answers).then((all) => all.every(Boolean));
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Each instance by itself. A scheduler uses these or the pool, not both. */
  get lanes(): readonly Lane[] {
    return this.#slots.map(({ lane }) => lane);
  }

  /** Whether `execute` has settled a batch when it returns. */
  get runsNow(): boolean {
    if (this.#options.decoupled) return false;
    for (const { instance, limited } of this.#slots) if (limited || instance?.runNow === undefined) return false;
    return true;
  }

  execute(batch: readonly PendingRequest[]): void {
    const slot = this.#pick();
    const instance = slot?.instance;
    if (instance?.runNow && !slot!.limited && !this.#options.decoupled) this.#runNow(slot!, instance.runNow, batch);
    else this.#executeOn(slot, batch);
  }

  #executeOn(slot: Slot | undefined, batch: readonly PendingRequest[]): void {
    if (!slot?.instance) throw new ConchError('INTERNAL', `model '${this.#options.model}': no instance is free`);
    slot.running += 1;
    this.#running.add(batch);
    if (slot.limited) slot.limited.acquire(() => this.#runGranted(slot, batch));
    else void this.#run(slot, slot.instance, batch);
  }

  /** Fails what still runs and frees all instances. */
  close(reason: ConchError): Promise<void> {
    this.#closed ??= this.#close(reason);
    return this.#closed;
  }

  async #close(reason: ConchError): Promise<void> {
    for (const batch of this.#running) for (const pending of batch) pending.fail(reason);
    const slots = [...this.#slots, ...this.#leaving];
    for (const slot of slots) {
      failOpen(slot, reason);
      slot.limited?.close();
    }
    await Promise.allSettled(this.#starting);
    await Promise.allSettled(slots.map((slot) => slot.instance?.close()));
    await this.#options.loaded.close();
  }

  #pick(): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots) {
      if (!slot.instance || slot.running >= this.#options.loaded.facts.concurrency) continue;
      if (!best || slot.running < best.running) best = slot;
      if (best.running === 0) break;
    }
    return best;
  }

  /** The instance's turn has come; it may have died while it waited. */
  #runGranted(slot: Slot, batch: readonly PendingRequest[]): void {
    const { model } = this.#options;
    const gone = {
      run: () => Promise.reject(new ConchError('MODEL_NOT_READY', `model '${model}': its instance died`)),
    };
    void this.#run(slot, slot.instance ?? gone, batch);
  }

  async #run(slot: Slot, instance: Pick<BackendInstance, 'run'>, batch: readonly PendingRequest[]): Promise<void> {
    const { clock, decoupled, loaded, onExecution } = this.#options;
    const startedAt = clock.now();
    const { errorsAreAnswers } = loaded.facts;
    const onFinal = () => this.#letGo(slot);
    const emit = decoupled
      ? emitterFor(batch, { open: slot.open, startedAt, clock, errorsAreAnswers, onFinal })
      : undefined;
    const made = batchOf(batch);
    try {
      this.#settle(slot, batch, await instance.run(emit ? { ...made, emit } : made), made.rows, startedAt, emit);
    } catch (thrown) {
      if (errorsAreAnswers) {
        const computeInfer = (clock.now() - startedAt) * 1e6;
        onExecution(made.rows, { responses: [], computeInput: 0, computeInfer, computeOutput: 0 });
      }
      failAll(slot, batch, thrown);
    }
    slot.running -= 1;
    slot.limited?.release();
    this.#running.delete(batch);
    this.#letGo(slot);
    if (slot.instance) this.#announce(slot);
  }

  /** For an instance that waits for nothing: no promise, and no news for a scheduler that is still calling. */
  #runNow(slot: Slot, run: NonNullable<BackendInstance['runNow']>, batch: readonly PendingRequest[]): void {
    const startedAt = this.#options.clock.now();
    slot.running += 1;
    try {
      const made = batchOf(batch);
      this.#settle(slot, batch, run(made), made.rows, startedAt);
    } catch (thrown) {
      failAll(slot, batch, thrown);
    }
    slot.running -= 1;
    this.#letGo(slot);
  }

  /** Passes a batch's responses on to its requests. */
  #settle(
    slot: Slot,
    batch: readonly PendingRequest[],
    result: BatchResult,
    rows: number,
    startedAt: number,
    emit?: Batch['emit'],
  ): void {
    const { model, loaded, onExecution } = this.#options;
    const { errorsAreAnswers } = loaded.facts;
    const { responses } = result;
    if (responses.length !== batch.length) {
      throw new ConchError('INTERNAL', `model '${model}': ${responses.length} responses to ${batch.length} requests`);
    }
    slot.restarts = 0;
    if (errorsAreAnswers || !responses.every(isError)) onExecution(rows, result);
    answerBatch(batch, result, { model, errorsAreAnswers, open: slot.open, startedAt, emit });
  }

  #announce(slot: Slot): void {
    this.onAvailable();
    slot.lane.onAvailable();
  }

  async #start(slot: Slot): Promise<void> {
    const { loaded, prepare } = this.#options;
    const { promise: early, reject: loseEarly } = Promise.withResolvers<never>();
    early.catch(() => {});
    let lostEarly: ConchError | undefined;
    let serving = false;
    const instance = await loaded.createInstance(slot.name, (error) => {
      if (serving) this.#lose(slot, error);
      else {
        lostEarly = error;
        loseEarly(error);
      }
    });
    try {
      await Promise.race([prepare(instance), early]);
    } catch (error) {
      await instance.close();
      throw lostEarly ?? error;
    }
    if (lostEarly) throw lostEarly;
    if (this.#closed) {
      await instance.close();
      return;
    }
    slot.instance = instance;
    serving = true;
  }

  #lose(slot: Slot, error: ConchError): void {
    slot.instance = undefined;
    failOpen(slot, error);
    slot.lane.onLost(error);
    this.#options.logger.warn({ instance: slot.name, reason: error.message }, 'instance died');
    this.#restart(slot, error);
  }

  #restart(slot: Slot, error: ConchError): void {
    if (this.#closed) return;
    if (slot.leaving) {
      this.#letGo(slot);
      return;
    }
    const { clock, logger, model, onDead } = this.#options;
    const delay = restartDelays[slot.restarts];
    if (delay === undefined) {
      slot.dead = true;
      logger.error({ instance: slot.name }, `instance died ${slot.restarts + 1} times in a row and stays down`);
      if (!this.healthy) {
        onDead(
          new ConchError(
            'MODEL_NOT_READY',
            `model '${model}': all its instances died, the last with: ${error.message}`,
            {
              fix: 'reload the model once the cause is gone',
              cause: error,
            },
          ),
        );
      }
      return;
    }
    slot.restarts += 1;
    clock.after(delay, () => {
      if (this.#closed) return;
      const starting: Promise<void> = this.#start(slot)
        .then(
          () => {
            if (!slot.instance) return;
            logger.info({ instance: slot.name }, 'instance restarted');
            slot.lane.onRestored();
            this.#announce(slot);
          },
          (thrown) => this.#restart(slot, toConchError(thrown)),
        )
        .finally(() => this.#starting.delete(starting));
      this.#starting.add(starting);
    });
  }
}
