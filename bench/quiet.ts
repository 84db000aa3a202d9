import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Share of the machine that other processes may take from a measurement. */
const mostOthers = 0.1;

/** Ticks that all processors spent on something, and ticks in all (proc_stat(5)). */
function machineTicks(): { busy: number; all: number } {
  const [, ...numbers] = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/);
  const [user, nice, system, idle, iowait, irq, softirq, steal] = numbers.map(Number) as number[];
  const busy = user! + nice! + system! + irq! + softirq! + steal!;
  return { busy, all: busy + idle! + iowait! };
}

/** Ticks of processes and of what they have started and waited for. */
function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return sum + [11, 12, 13, 14].reduce((ticks, at) => ticks + Number(fields[at]), 0);
  }, 0);
}

/**
 * Measures until other processes took less than a tenth of the machine meanwhile: on a machine that others use, a
 * measurement says more of them than of what is measured. Gives also how often it was measured. Linux only.
 */
export async function whenQuiet<T>(
  pids: () => readonly number[],
  measure: () => Promise<T>,
): Promise<{ result: T; tries: number }> {
  for (let tries = 1; ; tries++) {
    const before = machineTicks();
    await sleep(200);
    const rest = machineTicks();
    if ((rest.busy - before.busy) / (rest.all - before.all) > mostOthers) {
      await sleep(1000);
      continue;
    }
    const own = ticksOf(pids());
    const result = await measure();
    const after = machineTicks();
    const others = after.busy - rest.busy - (ticksOf(pids()) - own);
    if (others / (after.all - rest.all) <= mostOthers) return { result, tries };
  }
}
