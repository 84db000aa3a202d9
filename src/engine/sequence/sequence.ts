import type { ConchError } from '../../base/index.ts';
import type { PendingRequest } from '../request.ts';
import type { Lane } from '../scheduler.ts';
import type { CorrelationId } from './correlation.ts';
import type { SequenceStates } from './states.ts';

/** A request that waits for its turn in its sequence. */
export interface QueuedRequest {
  readonly pending: PendingRequest;
  readonly start: boolean;
  readonly end: boolean;
  /** Listens to the request's signal. */
  readonly cancel: (() => void) | undefined;
}

/** A sequence from its START until its last request has been given to the model. */
export class Sequence {
  readonly id: CorrelationId;
  /** It consists of one request, whose end is its end (`iterative_sequence`). */
  readonly own: boolean;
  /** Requests that wait, in order of arrival. */
  readonly queue: QueuedRequest[] = [];
  /** Its place on an instance; undefined: it waits in the backlog. */
  slot: SequenceSlot | undefined;
  /** Nothing will be added any more: it has had its END, or has been idle too long. */
  closed = false;
  lastArrivalAt = 0;
  stopIdleTimer: (() => void) | undefined;
  /** When it gives up waiting in the backlog, in the clock's milliseconds. */
  expiresAt = Number.POSITIVE_INFINITY;
  stopExpiryTimer: (() => void) | undefined;

  constructor(id: CorrelationId, own: boolean) {
    this.id = id;
    this.own = own;
  }

  get front(): QueuedRequest | undefined {
    return this.queue[0];
  }
}

/** A place for one sequence on one instance. */
export class SequenceSlot {
  readonly lane: Lane;
  /** Counts from 0 on each instance; with the direct strategy it is the sequence's row in every batch. */
  readonly index: number;
  sequence: Sequence | undefined;
  /** Those of the last sequence that started here. */
  states: SequenceStates;
  readonly #freshStates: () => SequenceStates;

  constructor(lane: Lane, index: number, freshStates: () => SequenceStates) {
    this.lane = lane;
    this.index = index;
    this.#freshStates = freshStates;
    this.states = freshStates();
  }

  /** A sequence starts: what the one before left is forgotten. */
  reset(): void {
    this.states = this.#freshStates();
  }

  get front(): QueuedRequest | undefined {
    return this.sequence?.front;
  }

  /** Requests that agree in this may be rows of one batch; of the request at the front. */
  get likeness(): string {
    const { pending, start } = this.front!;
    const states = start ? this.#freshStates() : this.states;
    return `${pending.request.likeness}|${states.likeness}`;
  }
}

/** How the slots of one instance become batches. */
export interface SequenceStrategy {
  /** Requests that it took from their sequences and that still wait for the instance. */
  readonly pending: number;
  /** A slot has got something to do. */
  wake(slot: SequenceSlot): void;
  /** Fails what it took and did not run. */
  clear(error: ConchError): void;
}

/** What a strategy asks of the scheduler that owns the slots. */
export interface SlotOwner {
  /**
   * Takes the front request out of a slot's sequence and makes it ready for the model: with its controls and states. When
   * that was the sequence's last, the slot goes to the next sequence at once. `onSettled` is called when it is answered.
   */
  issue(slot: SequenceSlot, onSettled?: () => void): PendingRequest;
  /** A row for a slot without a request, in the likeness of `model`, a request of the same batch. */
  filler(model: PendingRequest): PendingRequest;
}
