import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process in /proc/PID/stat. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** Processor time in ticks of 10 ms, of the process and of its children that have ended. */
  readonly ticks: number;
}

/** What a process and all that it has started use. */
export interface TreeUsage {
  readonly processes: number;
  /** Seconds of processor time since they began. */
  readonly cpuSeconds: number;
  /**
   * Proportional set size in bytes: memory of one process alone counts whole, memory that n processes share an nth each, so
   * that a sum over processes counts nothing twice. Undefined where the kernel does not tell it (other users' processes).
   */
  readonly pssBytes: number | undefined;
  /** Resident set sizes summed up, which count shared memory once for each process. */
  readonly rssBytes: number;
}

/** The fields of /proc/PID/stat (proc_pid_stat(5)); the name in parentheses may hold anything. */
export function parseStat(text: string): ProcessStat | undefined {
  const close = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(close + 2).split(' ');
  const [parent, ...times] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]));
  if (close < 0 || !Number.isSafeInteger(pid) || ![parent, ...times].every(Number.isFinite)) return undefined;
  return { pid, parent: parent!, ticks: times.reduce((sum, time) => sum + time, 0) };
}

/** Bytes of a field of /proc/PID/smaps_rollup or /proc/PID/status, whose lines are `Pss:  1234 kB`. */
export function kilobytesOf(text: string, field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text);
  return found ? 1024 * Number(found[1]) : undefined;
}

/** `root` and all processes below it. */
export function treeOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const children = new Map<number, ProcessStat[]>();
  for (const one of all) children.set(one.parent, [...(children.get(one.parent) ?? []), one]);
  const found = all.filter(({ pid }) => pid === root);
  for (let at = 0; at < found.length; at++) {
    for (const child of children.get(found[at]!.pid) ?? []) if (!found.includes(child)) found.push(child);
  }
  return found;
}

const ticksASecond = 100;

/** What the process `pid` and those below it use now; undefined where there is no /proc or no such process. */
export function readTree(pid: number, proc = '/proc'): TreeUsage | undefined {
  let names: string[];
  try {
    names = readdirSync(proc);
  } catch {
    return undefined;
  }
  const all = names
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => parseStat(read(join(proc, name, 'stat'))) ?? []);
  const tree = treeOf(pid, all);
  if (tree.length === 0) return undefined;
  const shares = tree.map((one) => kilobytesOf(read(join(proc, `${one.pid}`, 'smaps_rollup')), 'Pss'));
  const residents = tree.map((one) => kilobytesOf(read(join(proc, `${one.pid}`, 'status')), 'VmRSS') ?? 0);
  const known = shares.every((share, at) => share !== undefined || residents[at] === 0);
  return {
    processes: tree.length,
    cpuSeconds: tree.reduce((sum, { ticks }) => sum + ticks, 0) / ticksASecond,
    pssBytes: known ? shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) : undefined,
    rssBytes: residents.reduce((sum, one) => sum + one, 0),
  };
}

/** Processes end while they are read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
