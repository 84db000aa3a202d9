import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the processors that this process may run on have done since the machine started, in ticks of 10 ms. */
export interface MachineTicks {
  /** For processes; what interrupts take, sockets' among them, is counted to none. */
  readonly busy: number;
  readonly all: number;
}

/**
 * Of /proc/stat (proc_stat(5)) the lines of the given processors, or where none is given that of all; guests' time is
 * part of user's.
 */
export function parseMachineTicks(text: string, processors?: ReadonlySet<number>): MachineTicks | undefined {
  let [busy, all] = [0, 0];
  for (const [, processor, line] of text.matchAll(/^cpu(\d*) +(.+)$/gm)) {
    if (processors ? processor === '' || !processors.has(Number(processor)) : processor !== '') continue;
    const numbers = line!.split(/\s+/).map(Number);
    const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = numbers;
    if (user === undefined || nice === undefined || system === undefined || idle === undefined) return undefined;
    busy += user + nice + system + steal;
    all += user + nice + system + steal + irq + softirq + idle + iowait;
  }
  return all > 0 ? { busy, all } : undefined;
}

/** `0-3,8` of /proc/PID/status (proc_pid_status(5)): the processors that a process may run on. */
export function parseAllowed(text: string): ReadonlySet<number> | undefined {
  const [, list] = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(text) ?? [];
  const ranges = list?.split(',').map((range) => range.split('-').map(Number));
  return (
    ranges &&
    new Set(ranges.flatMap(([from = 0, to = from]) => Array.from({ length: to - from + 1 }, (_, at) => from + at)))
  );
}

/** Now; undefined where there is no /proc. Pinned to some processors, of those: what others do elsewhere disturbs less. */
export function machineTicks(proc = '/proc'): MachineTicks | undefined {
  try {
    const allowed = parseAllowed(readFileSync(join(proc, 'self/status'), 'utf8'));
    return parseMachineTicks(readFileSync(join(proc, 'stat'), 'utf8'), allowed);
  } catch {
    return undefined;
  }
}

/**
 * Share of those processors that went to others between two readings, when `ownSeconds` of processor time went to
 * the server and the load generator.
 */
export function shareOfOthers(before: MachineTicks, after: MachineTicks, ownSeconds: number): number {
  const all = after.all - before.all;
  return all > 0 ? Math.max(0, (after.busy - before.busy - 100 * ownSeconds) / all) : 0;
}
