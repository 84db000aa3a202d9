import { ConchError } from '../../base/index.ts';
import type { Clock } from '../clock.ts';
import type { Sequence } from './sequence.ts';

/** Sequences that wait for a slot, first come first served. They do not idle out, but their requests' timeouts count. */
export class Backlog {
  readonly #clock: Clock;
  readonly #onExpire: (sequence: Sequence) => void;
  #waiting: Sequence[] = [];

  constructor(clock: Clock, onExpire: (sequence: Sequence) => void) {
    this.#clock = clock;
    this.#onExpire = onExpire;
  }

  get sequences(): readonly Sequence[] {
    return this.#waiting;
  }

  add(sequence: Sequence): void {
    this.#waiting.push(sequence);
  }

  /** A request came for a sequence that waits: the earliest end of any request's time is the sequence's. */
  limit(sequence: Sequence, timeoutMicroseconds: number): void {
    if (timeoutMicroseconds === 0) return;
    const timeout = timeoutMicroseconds / 1000;
    const expiresAt = this.#clock.now() + timeout;
    if (expiresAt >= sequence.expiresAt) return;
    sequence.expiresAt = expiresAt;
    sequence.stopExpiryTimer?.();
    sequence.stopExpiryTimer = this.#clock.after(timeout, () => this.#onExpire(sequence));
  }

  /** The one that has waited longest. */
  takeFirst(): Sequence | undefined {
    const [first] = this.#waiting;
    if (first) this.remove(first);
    return first;
  }

  remove(sequence: Sequence): void {
    sequence.stopExpiryTimer?.();
    sequence.stopExpiryTimer = undefined;
    this.#waiting = this.#waiting.filter((other) => other !== sequence);
  }
}

export function expired(model: string, { id, queue }: Sequence): ConchError {
  return new ConchError(
    'QUEUE_TIMEOUT',
    `model '${model}': sequence '${id}' waited for a free place longer than the timeout of one of its ${queue.length} requests allows`,
    { fix: 'send it again later, with a longer timeout, or give the model more instances' },
  );
}
