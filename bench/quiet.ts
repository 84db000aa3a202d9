import { setTimeout as sleep } from 'node:timers/promises';
import { machineTicks, shareOfOthers } from '../src/measure/bench/machine-time.ts';

/** Share of the machine that other processes may take from a measurement. */
const mostOthers = 0.1;

/**
 * Measures until other processes took less than a tenth of the machine meanwhile: on a machine that others use, a
 * measurement says more of them than of what is measured. Gives also how often it was measured. Linux only.
 */
export async function whenQuiet<T>(
  measure: () => Promise<T>,
  othersOf: (result: T) => number,
): Promise<{ result: T; tries: number }> {
  for (let tries = 1; ; tries++) {
    const before = machineTicks()!;
    await sleep(200);
    if (shareOfOthers(before, machineTicks()!, 0) > mostOthers) {
      await sleep(1000);
      continue;
    }
    const result = await measure();
    if (othersOf(result) <= mostOthers) return { result, tries };
  }
}
