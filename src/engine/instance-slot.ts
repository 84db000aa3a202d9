import { type ConchError, toConchError } from '../base/index.ts';
import type { BackendInstance } from './backend.ts';
import type { LimitedInstance } from './rate-limiter.ts';
import type { PendingRequest } from './request.ts';
import type { Lane } from './scheduler.ts';

/** An instance's place in its pool, which outlives the instances that die in it. */
export interface Slot {
  readonly name: string;
  /** Absent while it starts and after it died. */
  instance: BackendInstance | undefined;
  running: number;
  /** Restarts since it last finished a batch. */
  restarts: number;
  dead: boolean;
  limited: LimitedInstance | undefined;
  /** The instance by itself, for schedulers that choose it. */
  readonly lane: Lane;
  /** Requests of a decoupled model that it has not finished answering. */
  readonly open: Set<PendingRequest>;
  /** Takes nothing new and goes when it has finished what it has. */
  leaving: boolean;
}

/** One instance as schedulers see it that choose theirs. */
export class InstanceLane implements Lane {
  onAvailable: () => void = () => {};
  onLost: (error: ConchError) => void = () => {};
  onRestored: () => void = () => {};
  isNeeded: () => boolean = () => false;
  readonly runsNow = false;
  readonly execute: (batch: readonly PendingRequest[]) => void;
  readonly letGo: () => void;
  readonly #slot: () => Slot;
  readonly #concurrency: number;

  constructor(slot: () => Slot, options: Pick<Lane, 'execute' | 'letGo'> & { readonly concurrency: number }) {
    this.#slot = slot;
    this.#concurrency = options.concurrency;
    this.execute = options.execute;
    this.letGo = options.letGo;
  }

  get leaving(): boolean {
    return this.#slot().leaving;
  }

  get alive(): boolean {
    return this.#slot().instance !== undefined;
  }

  get idle(): boolean {
    return this.#slot().running === 0;
  }

  get available(): boolean {
    return this.alive && this.#slot().running < this.#concurrency;
  }
}

export function failAll(slot: Slot, batch: readonly PendingRequest[], thrown: unknown): void {
  const error = toConchError(thrown, 'EXECUTION_FAILED');
  for (const pending of batch) {
    slot.open.delete(pending);
    pending.fail(error);
  }
}

/** Fails what a decoupled model has not finished answering. */
export function failOpen(slot: Slot, error: ConchError): void {
  for (const pending of slot.open) pending.fail(error);
  slot.open.clear();
}
