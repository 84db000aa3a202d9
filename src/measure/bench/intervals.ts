import { percentile } from '../../base/index.ts';

/** A number with the interval that holds the true one with 95 % confidence, where enough was measured to tell. */
export interface Estimate {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom. */
const tTable = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

export function studentT(degrees: number): number {
  return tTable[degrees - 1] ?? 1.96 + 2.5 / degrees;
}

/**
 * The estimate `value` of all that was measured, with the spread of the same estimate in sections of it, one after the
 * other (Asmussen and Glynn's sectioning). Requests that follow each other resemble each other; sections long beside
 * that hardly do, which an interval from single requests would have to assume of them.
 */
export function sectioned(value: number, sections: readonly number[]): Estimate {
  if (sections.length < 2 || !sections.every(Number.isFinite)) return { value };
  const squares = sections.reduce((sum, section) => sum + (section - value) ** 2, 0);
  const half = studentT(sections.length - 1) * Math.sqrt(squares / (sections.length * (sections.length - 1)));
  return { value, low: Math.max(0, value - half), high: value + half };
}

/** Requests a section must hold for a percentile of its own: some beyond it. */
function leastFor(p: number): number {
  return 2 / (1 - p / 100);
}

/**
 * A percentile (0..100) of all latencies with its interval. Sections too short for the percentile leave it to order
 * statistics, whose interval needs no assumption on the distribution; too few latencies for those leave none.
 *
 * @param sorted all latencies, ascending; @param sections the same in sections of time, each ascending.
 */
export function percentileEstimate(sorted: Float64Array, sections: readonly Float64Array[], p: number): Estimate {
  const value = percentile(sorted, p);
  if (sections.length >= 2 && sections.every((section) => section.length >= leastFor(p))) {
    return sectioned(
      value,
      sections.map((section) => percentile(section, p)),
    );
  }
  const share = p / 100;
  const half = 1.96 * Math.sqrt(sorted.length * share * (1 - share));
  const low = Math.floor(sorted.length * share - half) - 1;
  const high = Math.ceil(sorted.length * share + half);
  if (low < 0 || high >= sorted.length) return { value };
  return { value, low: sorted[low]!, high: sorted[high]! };
}

/** Half of the interval beside the value; Infinity where there is none. */
export function relativeError({ value, low, high }: Estimate): number {
  if (low === undefined || high === undefined || !(value > 0)) return Number.POSITIVE_INFINITY;
  return (high - low) / 2 / value;
}
