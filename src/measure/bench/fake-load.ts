import type { LoadClock } from './load-clock.ts';
import type { Done, Sender } from './load-loops.ts';

/** For tests: time that stands still until it is turned. */
export class FakeLoadClock implements LoadClock {
  #now = 0;
  #waiting: { readonly time: number; readonly action: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  at(time: number, action: () => void): () => void {
    const entry = { time, action };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    };
  }

  /** Turns the time on to `time`, with all that falls due on the way. */
  turnTo(time: number): void {
    for (;;) {
      const due = this.#waiting.filter((one) => one.time <= time);
      const [next] = due.sort((one, other) => one.time - other.time);
      if (!next) break;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.time);
      next.action();
    }
    this.#now = time;
  }
}

/** For tests: a server of one request at a time, which takes `serviceMs` for each, and stands still within `stall`. */
export class FakeServer implements Sender {
  readonly sent: { readonly index: number; readonly at: number }[] = [];
  readonly #clock: FakeLoadClock;
  readonly #serviceMs: number;
  readonly #stall: readonly [from: number, to: number];
  readonly #fails: (index: number) => boolean;
  #freeAt = 0;

  constructor(
    clock: FakeLoadClock,
    serviceMs: number,
    {
      stall = [0, 0],
      fails = () => false,
    }: { stall?: readonly [number, number]; fails?: (index: number) => boolean } = {},
  ) {
    this.#clock = clock;
    this.#serviceMs = serviceMs;
    this.#stall = stall;
    this.#fails = fails;
  }

  send(index: number, done: Done): void {
    const now = this.#clock.now();
    this.sent.push({ index, at: now });
    let start = Math.max(now, this.#freeAt);
    const [from, to] = this.#stall;
    if (start >= from && start < to) start = to;
    this.#freeAt = start + this.#serviceMs;
    this.#clock.at(this.#freeAt, () => done(now, this.#fails(index) ? 'UNAVAILABLE' : undefined));
  }

  close(): void {}
}
