import { seededRandom } from './random.ts';

export type Arrivals = 'constant' | 'poisson';

export interface ArrivalOptions {
  /** Requests a second once the ramp is over. */
  readonly rate: number;
  readonly arrivals: Arrivals;
  /** Milliseconds over which the rate grows from 0 in a line. */
  readonly rampMs: number;
  readonly seed: number;
}

/**
 * When requests are meant to leave, in milliseconds from the start, without end: at equal distances, or as a Poisson
 * process, whose distances are exponential. Times are drawn at a rate of one and stretched by the inverse of the rate's
 * integral, so that a ramp keeps the kind of process.
 */
export function* arrivalTimes({ rate, arrivals, rampMs, seed }: ArrivalOptions): Generator<number, never> {
  const random = seededRandom(seed);
  const perMs = rate / 1000;
  const duringRamp = (perMs * rampMs) / 2;
  let count = 0;
  for (;;) {
    count += arrivals === 'constant' ? 1 : -Math.log(1 - random());
    yield count < duringRamp ? Math.sqrt((2 * count * rampMs) / perMs) : rampMs + (count - duringRamp) / perMs;
  }
}
