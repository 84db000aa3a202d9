import { ConchError, type Logger } from '../../base/index.ts';
import { type ModelConfig, toInteger } from '../../config/index.ts';
import type { SequencePosition } from '../../protocol/index.ts';
import { PendingRequest } from '../request.ts';
import type { Lane, Scheduler, SchedulerOptions } from '../scheduler.ts';
import { maxBatchSizeOf } from '../tensors.ts';
import { type Arrival, ArrivalCheck } from './arrivals.ts';
import { Backlog, expired } from './backlog.ts';
import { correlationIdOf, keyOf } from './correlation.ts';
import { DirectStrategy } from './direct.ts';
import { SequenceInputs } from './inputs.ts';
import { OldestStrategy } from './oldest.ts';
import { type QueuedRequest, Sequence, SequenceSlot, type SequenceStrategy, type SlotOwner } from './sequence.ts';
import type { DeclaredState } from './states.ts';

export interface SequenceBatcherOptions extends Omit<SchedulerOptions, 'executor'> {
  readonly config: ModelConfig;
  readonly states: readonly DeclaredState[];
  /** The model's instances. */
  readonly lanes: readonly Lane[];
  readonly mixShapes: boolean;
  readonly eager: boolean;
  readonly logger: Logger;
}

/**
 * Triton's sequence batcher: the requests of a sequence run one after the other on one instance. A sequence takes a slot
 * of an instance with its START and keeps it until its END, or until it has been idle too long; without a free slot it
 * waits in the backlog. How slots become batches is the strategy's business.
 */
export class SequenceBatcher implements Scheduler, SlotOwner {
  readonly #options: SequenceBatcherOptions;
  readonly #inputs: SequenceInputs;
  readonly #check: ArrivalCheck;
  readonly #idleMs: number;
  /** Low slots of all instances first: sequences spread over the instances, and direct batches stay short. */
  #slots: readonly SequenceSlot[] = [];
  readonly #strategies = new Map<Lane, SequenceStrategy>();
  /** Sequences that take further requests, in a slot or in the backlog. */
  readonly #open = new Map<string, Sequence>();
  readonly #backlog: Backlog;
  #waiting = 0;
  #waitingBytes = 0;
  #stopping = false;
  #onFinished: (() => void)[] = [];

  constructor(options: SequenceBatcherOptions) {
    this.#options = options;
    const { config, clock, states } = options;
    const { max_sequence_idle_microseconds } = config.sequence_batching!;
    this.#inputs = new SequenceInputs(config, states);
    this.#check = new ArrivalCheck(config, this.#inputs.controls);
    this.#idleMs = toInteger(max_sequence_idle_microseconds, 1_000_000) / 1000;
    this.#backlog = new Backlog(clock, (sequence) => this.#abandon(sequence, expired(options.model, sequence)));
    this.setLanes(options.lanes);
  }

  /** The model's instances are now these. Sequences on others come to their end there. */
  setLanes(lanes: readonly Lane[]): void {
    for (const lane of lanes) if (!this.#strategies.has(lane)) this.#adopt(lane);
    for (const lane of this.#strategies.keys()) if (lane.leaving) this.#partWith(lane);
    this.#refill();
  }

  #adopt(lane: Lane): void {
    const { config } = this.#options;
    const count = config.sequence_batching?.oldest?.max_candidate_sequences ?? 0;
    const length = count > 0 ? count : Math.max(1, maxBatchSizeOf(config));
    const slots = Array.from({ length }, (_, i) => new SequenceSlot(lane, i, () => this.#inputs.freshStates()));
    this.#slots = [...this.#slots, ...slots].sort((a, b) => a.index - b.index);
    const strategy = this.#strategy(lane, slots);
    this.#strategies.set(lane, strategy);
    lane.onLost = (error) => this.#lose(slots, error);
    lane.onRestored = () => this.#refill();
    lane.isNeeded = () => strategy.pending > 0 || slots.some(({ sequence }) => sequence !== undefined);
  }

  #partWith(lane: Lane): void {
    if (this.#slots.some((slot) => slot.lane === lane && slot.sequence !== undefined)) return;
    this.#slots = this.#slots.filter((slot) => slot.lane !== lane);
    if (this.#strategies.get(lane)?.pending === 0) this.#strategies.delete(lane);
    lane.letGo();
  }

  #strategy(lane: Lane, slots: readonly SequenceSlot[]): SequenceStrategy {
    const { model, config, mixShapes, eager, clock } = this.#options;
    const { direct = {}, oldest } = config.sequence_batching!;
    const shared = { model, lane, owner: this, mixShapes, clock };
    if (oldest) return new OldestStrategy({ ...shared, config: oldest, maxBatchSize: maxBatchSizeOf(config) });
    const soon = eager ? queueMicrotask : (action: () => void) => clock.soon(action);
    return new DirectStrategy({ ...shared, slots, config: direct, soon });
  }

  get pending(): number {
    let pending = this.#waiting;
    for (const strategy of this.#strategies.values()) pending += strategy.pending;
    return pending;
  }

  /** Throws REQUEST_INVALID, QUEUE_FULL, REQUEST_CANCELLED, and SERVER_STOPPING for a new sequence after `finish`. */
  enqueue(pending: PendingRequest): void {
    const { model, logger } = this.#options;
    const arrival = this.#check.check(pending);
    const { id, start } = arrival;
    const known = this.#open.get(keyOf(id));
    if (this.#stopping && start) {
      throw new ConchError('SERVER_STOPPING', `model '${model}' is being stopped and takes no new sequences`);
    }
    if (!start && !known) throw this.#check.unknown(id, this.#idleMs);
    if (pending.request.signal?.aborted) throw cancelled(model);
    this.#refuseOverflow(pending);
    if (start && known) {
      logger.warn({ model, sequence: `${id}` }, 'a sequence starts under the id of one that has not ended');
    }
    this.#add(known ?? this.#begin(arrival), pending, arrival);
  }

  /** Whether a request continues a sequence that has begun. */
  continues(position: SequencePosition | undefined): boolean {
    const id = correlationIdOf(position);
    return id !== undefined && !position!.start && this.#open.has(keyOf(id));
  }

  /** Whether sequences have begun that have not ended. */
  get holdsSequences(): boolean {
    return this.#open.size > 0;
  }

  /** Takes no new sequences from now on; resolves when those that have begun are over. */
  finish(): Promise<void> {
    this.#stopping = true;
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onFinished.push(resolve));
  }

  clear(error: ConchError): void {
    for (const sequence of [...this.#backlog.sequences]) this.#abandon(sequence, error);
    // A slot that is freed may get the next sequence only once all others are gone.
    for (const slot of this.#slots) if (slot.sequence) this.#abandon(slot.sequence, error);
    for (const strategy of this.#strategies.values()) strategy.clear(error);
  }

  issue(slot: SequenceSlot, onSettled?: () => void): PendingRequest {
    const sequence = slot.sequence!;
    const queued = sequence.queue.shift()!;
    this.#left(queued);
    const { pending, start, end } = queued;
    if (start) slot.reset();
    const { states } = slot;
    if (sequence.closed && sequence.queue.length === 0) this.#release(sequence);
    const client = pending.request;
    const model = this.#inputs.forModel(client, { start, end }, sequence.id, states);
    const startedAt = this.#options.clock.now();
    // A batcher behind this one starts its own clock; the time before counts as queueing all the same.
    const before = (startedAt - pending.arrivedAt) * 1e6;
    const over = (settle: () => void): void => {
      settle();
      if (sequence.own) this.#close(sequence);
      onSettled?.();
    };
    return new PendingRequest(
      model,
      startedAt,
      (outcome) =>
        over(() => {
          const durations = { ...outcome.durations, queue: outcome.durations.queue + before };
          if (outcome.error) return pending.succeed({ ...outcome, durations });
          states.update(outcome.outputs);
          pending.succeed({ ...outcome, outputs: this.#inputs.forClient(outcome.outputs, client), durations });
        }),
      (error) =>
        over(() => {
          pending.fail(error);
          // Cancelled on its way: what follows would build on a request that never ran.
          if (error.code === 'REQUEST_CANCELLED') this.#abandon(sequence, error);
        }),
      (event) => {
        const { response } = event;
        if (response === undefined || response instanceof ConchError) return pending.respond(event);
        states.update(response.outputs);
        const outputs = this.#inputs.forClient(response.outputs, client);
        pending.respond({ ...event, response: { ...response, outputs } });
      },
      this.#options.config.sequence_batching!.iterative_sequence && !end
        ? () => {
            this.#again(sequence, pending);
            onSettled?.();
          }
        : undefined,
    );
  }

  filler({ request }: PendingRequest): PendingRequest {
    const nobody = (): void => {};
    return new PendingRequest(this.#inputs.filler(request), this.#options.clock.now(), nobody, nobody);
  }

  #begin({ id, own }: Arrival): Sequence {
    const sequence = new Sequence(id, own);
    this.#open.set(keyOf(id), sequence);
    const slot = this.#slots.find((one) => one.sequence === undefined && isOpen(one.lane));
    if (slot) this.#occupy(slot, sequence);
    else this.#backlog.add(sequence);
    return sequence;
  }

  #add(sequence: Sequence, pending: PendingRequest, { start, end }: Pick<Arrival, 'start' | 'end'>): void {
    const { clock, model } = this.#options;
    const { signal, timeoutMicroseconds, bytes } = pending.request;
    const cancel = signal && ((): void => this.#abandon(sequence, cancelled(model)));
    if (cancel) signal.addEventListener('abort', cancel, { once: true });
    sequence.queue.push({ pending, start, end, cancel });
    sequence.lastArrivalAt = clock.now();
    this.#waiting += 1;
    this.#waitingBytes += bytes;
    if (end) this.#close(sequence);
    else if (sequence.slot) this.#watchIdle(sequence);
    if (sequence.slot) this.#strategies.get(sequence.slot.lane)!.wake(sequence.slot);
    else this.#backlog.limit(sequence, timeoutMicroseconds);
  }

  /** The model asks for a request once more: it goes to the end of its sequence, as one from the middle. */
  #again(sequence: Sequence, pending: PendingRequest): void {
    if (pending.request.signal?.aborted) {
      pending.fail(cancelled(this.#options.model));
      this.#close(sequence);
    } else if (this.#open.get(keyOf(sequence.id)) === sequence) {
      this.#add(sequence, pending, { start: false, end: false });
    } else pending.fail(this.#check.unknown(sequence.id, this.#idleMs));
  }

  #occupy(slot: SequenceSlot, sequence: Sequence): void {
    slot.sequence = sequence;
    sequence.slot = slot;
  }

  #left({ pending, cancel }: QueuedRequest): void {
    if (cancel) pending.request.signal!.removeEventListener('abort', cancel);
    this.#waiting -= 1;
    this.#waitingBytes -= pending.request.bytes;
  }

  /** Nothing more comes to a sequence. Its slot is free as soon as what it has has been issued. */
  #close(sequence: Sequence): void {
    if (sequence.closed) return;
    sequence.closed = true;
    sequence.stopIdleTimer?.();
    const key = keyOf(sequence.id);
    if (this.#open.get(key) === sequence) this.#open.delete(key);
    if (sequence.queue.length === 0) this.#release(sequence);
    if (this.#open.size === 0) for (const done of this.#onFinished.splice(0)) done();
  }

  /** Frees the slot of a sequence that is over. */
  #release(sequence: Sequence): void {
    const { slot } = sequence;
    if (slot?.sequence !== sequence) return;
    slot.sequence = undefined;
    if (slot.lane.leaving) this.#partWith(slot.lane);
    this.#refill();
  }

  /** Free slots go to the sequences that have waited longest. */
  #refill(): void {
    for (const slot of this.#slots) {
      if (slot.sequence || !isOpen(slot.lane)) continue;
      const next = this.#backlog.takeFirst();
      if (!next) return;
      this.#occupy(slot, next);
      if (!next.closed) this.#watchIdle(next);
      this.#strategies.get(slot.lane)!.wake(slot);
    }
  }

  /** Ends a sequence that is over before its time: what it has queued fails. */
  #abandon(sequence: Sequence, error: ConchError): void {
    const queued = sequence.queue.splice(0);
    for (const one of queued) this.#left(one);
    if (!sequence.slot) this.#backlog.remove(sequence);
    this.#close(sequence);
    this.#release(sequence);
    for (const { pending } of queued) pending.fail(error);
  }

  #watchIdle(sequence: Sequence): void {
    if (sequence.stopIdleTimer) return;
    const { clock } = this.#options;
    const due = sequence.lastArrivalAt + this.#idleMs;
    sequence.stopIdleTimer = clock.after(Math.max(0, due - clock.now()), () => {
      sequence.stopIdleTimer = undefined;
      if (clock.now() - sequence.lastArrivalAt >= this.#idleMs) this.#close(sequence);
      else this.#watchIdle(sequence);
    });
  }

  /** An instance died: its sequences cannot go on, for what it and the scheduler knew of them is gone. */
  #lose(slots: readonly SequenceSlot[], cause: ConchError): void {
    const { model } = this.#options;
    const error = new ConchError(
      'EXECUTION_FAILED',
      `model '${model}': the instance that held the sequence died: ${cause.message}`,
      { fix: 'start the sequence again', cause },
    );
    for (const slot of slots) if (slot.sequence) this.#abandon(slot.sequence, error);
    const [first] = slots;
    if (first) this.#strategies.get(first.lane)!.clear(error);
  }

  #refuseOverflow({ request }: PendingRequest): void {
    const { model, maxQueueSize, maxQueueBytes } = this.#options;
    const fix = 'send it again later or send fewer at a time';
    if (this.pending >= maxQueueSize) {
      const message = `model '${model}': ${this.pending} requests wait already, its queue takes ${maxQueueSize}`;
      throw new ConchError('QUEUE_FULL', message, { fix });
    }
    if (this.#waiting > 0 && this.#waitingBytes + request.bytes > maxQueueBytes) {
      throw new ConchError(
        'QUEUE_FULL',
        `model '${model}': the inputs of waiting requests take ${this.#waitingBytes} bytes already, ${request.bytes} more exceed the limit of ${maxQueueBytes}`,
        { fix },
      );
    }
  }
}

/** It can take new sequences. */
function isOpen(lane: Lane): boolean {
  return lane.alive && !lane.leaving;
}

function cancelled(model: string): ConchError {
  return new ConchError(
    'REQUEST_CANCELLED',
    `model '${model}': a request of the sequence was cancelled while it waited`,
  );
}
