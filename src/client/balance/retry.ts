import type { ConchError } from '../../base/index.ts';
import { RetryBudget } from './retry-budget.ts';

/** How calls that failed are repeated. Only such as may be, and only where the server was away or refused for now. */
export interface RetryOptions {
  /** How often one call is repeated at most; default 0 for one address, 2 for several. */
  readonly retries?: number;
  /** The wait before the n-th repetition is random below `baseMs * 2^n`, at most `maxMs`; default 50 and 5000. */
  readonly baseMs?: number;
  readonly maxMs?: number;
  /** What all calls together may repeat: a `RetryBudget` that each answered call adds to. Default 10, 0.2. */
  readonly reserve?: number;
  readonly ratio?: number;
}

export class Retries {
  readonly limit: number;
  readonly budget: RetryBudget;
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;

  constructor(
    { retries = 0, baseMs = 50, maxMs = 5000, reserve = 10, ratio = 0.2 }: RetryOptions,
    random: () => number,
  ) {
    this.limit = retries;
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.budget = new RetryBudget({ reserve, ratio });
    this.#random = random;
  }

  /** Milliseconds before repetition `number` (from 0) at the same server; undefined where it asks for more patience than we have. */
  delay(number: number, error: ConchError): number | undefined {
    const jitter = this.#random() * Math.min(this.#maxMs, this.#baseMs * 2 ** number);
    if (error.retryAfterMs === undefined) return jitter;
    // All who were told the same time must not come back at once.
    return error.retryAfterMs > this.#maxMs ? undefined : error.retryAfterMs + jitter;
  }
}

/** Whether the failure says that the call was not done, or that it may go well another time. */
export function isPassing({ code, status }: ConchError): boolean {
  return code === 'SERVER_UNREACHABLE' || (code === 'SERVER_ERROR' && status === 'UNAVAILABLE');
}
