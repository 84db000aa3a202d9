import { ConchError } from '../../base/index.ts';

/** So many requests in a time: that many at once, and from then on as many as the time brings back. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

const units: Record<string, number> = { s: 1000, min: 60_000, h: 3_600_000 };

/** Reads `100/s`, `600/min`, `1000/h`. @throws USAGE */
export function readRate(text: string, what: string): Rate {
  const [, count, unit] = /^(\d{1,9})\/(s|min|h)$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0) {
    throw new ConchError('USAGE', `${what}: expected a rate like 100/s, 600/min or 1000/h, got '${text}'`);
  }
  return { count: Number(count), perMs: units[unit!]! };
}

/** Lets through what a rate allows: bursts up to its count, and its average over time. */
export class TokenBucket {
  readonly rate: Rate;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, now: () => number) {
    this.rate = rate;
    this.#now = now;
    this.#tokens = rate.count;
    this.#filledAt = now();
  }

  /** Takes one token and answers 0, or takes nothing and answers after how many milliseconds there will be one. */
  take(): number {
    const { count, perMs } = this.rate;
    const now = this.#now();
    this.#tokens = Math.min(count, this.#tokens + ((now - this.#filledAt) * count) / perMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return ((1 - this.#tokens) * perMs) / count;
    this.#tokens -= 1;
    return 0;
  }

  /** Whole tokens left. */
  get left(): number {
    return Math.floor(this.#tokens);
  }
}
