import { describe, expect, test } from 'vitest';
import { percentileEstimate, relativeError, sectioned, studentT } from './intervals.ts';
import { normalFrom, seededRandom } from './random.ts';
import type { Metric } from './report.ts';
import { Samples } from './samples.ts';
import { isStable, summarise } from './summary.ts';

test('the interval of a mean is that of Student', () => {
  // Mean 10 of 8, 9, 10, 11, 12: deviation 1.5811, over the root of 5, times 2.776.
  const { value, low, high } = sectioned(10, [8, 9, 10, 11, 12]);
  expect(value).toBe(10);
  expect(high! - value).toBeCloseTo(1.963, 3);
  expect(value - low!).toBeCloseTo(1.963, 3);
  expect(studentT(4)).toBe(2.776);
  expect(studentT(1000)).toBeCloseTo(1.962, 2);
  expect(sectioned(10, [10])).toEqual({ value: 10 });
});

describe('percentiles', () => {
  const draw = (count: number, seed: number) => {
    const random = seededRandom(seed);
    return Float64Array.from({ length: count }, () => Math.exp(normalFrom(random)));
  };
  const sectionsOf = (values: Float64Array, count: number) =>
    Array.from({ length: count }, (_, index) =>
      values.slice((index * values.length) / count, ((index + 1) * values.length) / count).sort(),
    );

  test('their intervals hold the true percentile about as often as they say', () => {
    // The p99 of a log-normal distribution is exp(2.3263).
    let held = 0;
    for (let seed = 0; seed < 200; seed++) {
      const values = draw(4000, seed);
      const { low, high } = percentileEstimate(values.slice().sort(), sectionsOf(values, 10), 99);
      if (low! <= Math.exp(2.3263) && Math.exp(2.3263) <= high!) held += 1;
    }
    expect(held / 200).toBeGreaterThan(0.85);
  });

  test('sections too short for one leave it to order statistics, and too few requests have none', () => {
    const values = draw(20_000, 1);
    const rare = percentileEstimate(values.slice().sort(), sectionsOf(values, 20), 99.9);
    expect(rare.low!).toBeLessThan(rare.value);
    expect(rare.high!).toBeGreaterThan(rare.value);
    const few = draw(100, 1);
    expect(percentileEstimate(few.slice().sort(), sectionsOf(few, 10), 99.9).low).toBeUndefined();
    expect(relativeError({ value: 1 })).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the stop rule', () => {
  const measured = (latency: (index: number) => number) => {
    const samples = new Samples();
    for (let index = 0; index < 5000; index++) samples.add(index, index, index + latency(index), undefined);
    return summarise(samples, 0, 5000, 1);
  };

  test('holds once the metric is known well enough, and not while it drifts', () => {
    const random = seededRandom(5);
    const steady = measured(() => 10 + normalFrom(random));
    const drifting = measured((index) => 10 + index / 100);
    for (const metric of ['throughput', 'p50', 'p95'] as Metric[]) expect(isStable(steady, metric, 0.05)).toBe(true);
    expect(isStable(steady, 'p50', 0.0001)).toBe(false);
    expect(isStable(drifting, 'p50', 0.05)).toBe(false);
  });

  test('nothing measured is not steady', () => {
    expect(isStable(summarise(new Samples(), 0, 1000, 1), 'p50', 0.05)).toBe(false);
    expect(isStable(summarise(new Samples(), 0, 1000, 1), 'throughput', 0.05)).toBe(false);
  });
});

test('throughput counts answers within the time, latency the requests that were meant to leave in it', () => {
  const samples = new Samples();
  samples.add(-5, -5, 10, undefined); // Answered within, sent before.
  samples.add(20, 20, 30, undefined);
  samples.add(90, 90, 2000, undefined); // Sent within, answered long after.
  samples.add(95, 95, 96, 'UNAVAILABLE');
  const { answered, failed, latency, throughput } = summarise(samples, 0, 100, 4);
  expect({ answered, failed, max: latency!.max }).toEqual({ answered: 2, failed: 1, max: 1910 });
  expect(throughput.value).toBe(80);
});
