import { readFileSync } from 'node:fs';

/** What all processors of the machine have done since it started, in ticks of 10 ms. */
export interface MachineTicks {
  /** For processes; what interrupts take, sockets' among them, is counted to none. */
  readonly busy: number;
  readonly all: number;
}

/** The first line of /proc/stat (proc_stat(5)); guests' time is part of user's. */
export function parseMachineTicks(text: string): MachineTicks | undefined {
  const [, line] = /^cpu +(.+)$/m.exec(text) ?? [];
  const numbers = line?.split(/\s+/).map(Number) ?? [];
  const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = numbers;
  if (user === undefined || nice === undefined || system === undefined || idle === undefined) return undefined;
  const busy = user + nice + system + steal;
  return { busy, all: busy + irq + softirq + idle + iowait };
}

/** Now; undefined where there is no /proc. */
export function machineTicks(file = '/proc/stat'): MachineTicks | undefined {
  try {
    return parseMachineTicks(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Share of the machine's processors that went to others between two readings, when `ownSeconds` of processor time went to
 * the server and the load generator.
 */
export function shareOfOthers(before: MachineTicks, after: MachineTicks, ownSeconds: number): number {
  const all = after.all - before.all;
  return all > 0 ? Math.max(0, (after.busy - before.busy - 100 * ownSeconds) / all) : 0;
}
