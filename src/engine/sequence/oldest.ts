import { type ConchError, toConchError } from '../../base/index.ts';
import type { ModelSequenceBatching_StrategyOldest } from '../../config/index.ts';
import { DynamicBatcher } from '../batcher.ts';
import type { Clock } from '../clock.ts';
import type { Lane } from '../scheduler.ts';
import type { SequenceSlot, SequenceStrategy, SlotOwner } from './sequence.ts';

export interface OldestOptions {
  readonly model: string;
  readonly lane: Lane;
  readonly owner: SlotOwner;
  readonly config: ModelSequenceBatching_StrategyOldest;
  readonly maxBatchSize: number;
  readonly mixShapes: boolean;
  readonly clock: Clock;
}

/**
 * Triton's oldest strategy: a dynamic batcher for each instance takes one request at a time of every sequence that has a
 * slot there; the next goes in when it is answered. Rows belong to nobody, so there are no fillers.
 */
export class OldestStrategy implements SequenceStrategy {
  readonly #batcher: DynamicBatcher;
  readonly #owner: SlotOwner;
  /** Slots of which a request is under way. */
  readonly #busy = new Set<SequenceSlot>();

  constructor({ model, lane, owner, config, maxBatchSize, mixShapes, clock }: OldestOptions) {
    this.#owner = owner;
    const { preferred_batch_size, max_queue_delay_microseconds, preserve_ordering } = config;
    this.#batcher = new DynamicBatcher({
      model,
      executor: lane,
      clock,
      // The scheduler bounds all sequences together.
      maxQueueSize: Number.POSITIVE_INFINITY,
      maxQueueBytes: Number.POSITIVE_INFINITY,
      config: {
        ...(preferred_batch_size && { preferred_batch_size }),
        ...(max_queue_delay_microseconds !== undefined && { max_queue_delay_microseconds }),
        ...(preserve_ordering !== undefined && { preserve_ordering }),
      },
      maxBatchSize,
      mixShapes,
    });
  }

  get pending(): number {
    return this.#batcher.pending;
  }

  wake(slot: SequenceSlot): void {
    if (this.#busy.has(slot) || !slot.front) return;
    this.#busy.add(slot);
    const request = this.#owner.issue(slot, () => {
      this.#busy.delete(slot);
      this.wake(slot);
    });
    try {
      this.#batcher.enqueue(request);
    } catch (thrown) {
      request.fail(toConchError(thrown));
    }
  }

  clear(error: ConchError): void {
    this.#batcher.clear(error);
  }
}
