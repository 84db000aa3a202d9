import { type ModelSequenceBatching_StrategyDirect, toInteger } from '../../config/index.ts';
import type { Clock } from '../clock.ts';
import type { PendingRequest } from '../request.ts';
import type { Lane } from '../scheduler.ts';
import type { SequenceSlot, SequenceStrategy, SlotOwner } from './sequence.ts';

export interface DirectOptions {
  readonly lane: Lane;
  /** By index. */
  readonly slots: readonly SequenceSlot[];
  readonly owner: SlotOwner;
  readonly config: ModelSequenceBatching_StrategyDirect;
  readonly clock: Clock;
  /** Puts off the forming of a batch until this turn's arrivals are in. */
  readonly soon: (action: () => void) => void;
  /** Requests of different shapes may share a batch. */
  readonly mixShapes: boolean;
}

/**
 * Triton's direct strategy: row i of every batch belongs to slot i, so a sequence stays on its row of its instance. A slot
 * without a request, or with one of another shape than the batch, is filled up to the highest slot that has one. The
 * next batch is formed when the last is done.
 */
export class DirectStrategy implements SequenceStrategy {
  readonly pending = 0;
  readonly #options: DirectOptions;
  readonly #delayMs: number;
  readonly #utilization: number;
  #planned = false;
  #stopTimer: (() => void) | undefined;

  constructor(options: DirectOptions) {
    this.#options = options;
    this.#delayMs = toInteger(options.config.max_queue_delay_microseconds) / 1000;
    this.#utilization = options.config.minimum_slot_utilization ?? 0;
    options.lane.onAvailable = () => this.#dispatch();
  }

  wake(): void {
    if (this.#planned || !this.#options.lane.alive || !this.#options.lane.idle) return;
    this.#planned = true;
    this.#options.soon(() => {
      this.#planned = false;
      this.#dispatch();
    });
  }

  clear(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #dispatch(): void {
    const { lane, slots, owner, clock } = this.#options;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (!lane.available || !lane.idle) return;
    const ready = slots.filter((slot) => slot.front !== undefined);
    if (ready.length === 0) return;
    const waitMs = this.#waitMs(ready, clock.now());
    if (waitMs > 0) {
      this.#stopTimer = clock.after(waitMs, () => this.#dispatch());
      return;
    }
    const likeness = ready[0]!.likeness;
    const taking = this.#options.mixShapes ? ready : ready.filter((slot) => slot.likeness === likeness);
    const issued = new Map<SequenceSlot, PendingRequest>();
    for (const slot of taking) issued.set(slot, owner.issue(slot));
    const [model] = issued.values();
    const last = ready.at(-1)!.index;
    lane.execute(slots.slice(0, last + 1).map((slot) => issued.get(slot) ?? owner.filler(model!)));
  }

  /** How long to wait for more slots; only where both a delay and a utilisation are set. */
  #waitMs(ready: readonly SequenceSlot[], now: number): number {
    if (this.#delayMs === 0 || this.#utilization === 0) return 0;
    if (ready.length / this.#options.slots.length >= this.#utilization) return 0;
    const oldest = Math.min(...ready.map((slot) => slot.front!.pending.arrivedAt));
    return this.#delayMs - (now - oldest);
  }
}
