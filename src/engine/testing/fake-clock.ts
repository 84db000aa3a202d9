import type { Clock } from '../clock.ts';

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

/** A clock that tests turn by hand. `soon` runs at `settle` or the next `advance`. */
export class FakeClock implements Clock {
  #time = 1000;
  #timers: Timer[] = [];
  #soon: (() => void)[] = [];

  now(): number {
    return this.#time;
  }

  soon(action: () => void): void {
    this.#soon.push(action);
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#time + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Runs what is to run soon, without time passing. */
  settle(): void {
    for (let action = this.#soon.shift(); action; action = this.#soon.shift()) action();
  }

  /** One turn of the event loop: what is asked for meanwhile runs in the next. */
  turn(): void {
    for (const action of this.#soon.splice(0)) action();
  }

  /** Lets `ms` pass, running each timer at its time. */
  advance(ms: number): void {
    this.settle();
    const end = this.#time + ms;
    for (;;) {
      const [next] = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#time = Math.max(this.#time, next.at);
      next.action();
      this.settle();
    }
    this.#time = end;
  }

  /** Lets time pass without any timer being noticed, as when the event loop is blocked. */
  stall(ms: number): void {
    this.#time += ms;
  }

  get timers(): number {
    return this.#timers.length;
  }
}
