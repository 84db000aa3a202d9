import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { type Listener, parseLsof, parseProcNet } from './listeners.ts';

export interface Answer {
  /** Undefined when a signal or the time limit ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the doctor asks of the machine. Tests answer in its place. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly nodeVersion: string;
  readonly env: NodeJS.ProcessEnv;
  /** A program's answer; undefined when there is no such program. */
  run(command: string, args: readonly string[]): Promise<Answer | undefined>;
  /** Who listens on TCP ports, as far as this user may know. */
  listeners(): Promise<readonly Listener[]>;
  /** Bytes of the file system that holds `path` or the nearest folder above it; undefined when it cannot be told. */
  space(path: string): Promise<{ readonly free: number; readonly total: number } | undefined>;
  /** Bytes of memory: all, and what can be had without swapping. */
  memory(): Promise<{ readonly total: number; readonly available: number }>;
}

/** Nothing here takes longer, unless it hangs. */
const timeoutMs = 15_000;

/** The machine that this process runs on. */
export function thisMachine(signal?: AbortSignal): Machine {
  const run: Machine['run'] = (command, args) =>
    new Promise((done) => {
      const options = { timeout: timeoutMs, maxBuffer: 8 << 20, ...(signal && { signal }) };
      execFile(command, [...args], options, (error, stdout, stderr) => {
        if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') return done(undefined);
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        done({ code, stdout, stderr });
      });
    });
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    env: process.env,
    run,
    async listeners() {
      if (process.platform === 'linux') return linuxListeners();
      const answer = await run('lsof', ['-nP', '-iTCP', '-sTCP:LISTEN', '-Fpcn']);
      return answer === undefined ? [] : parseLsof(answer.stdout);
    },
    async space(path) {
      for (let at = resolve(path); ; at = dirname(at)) {
        const found = await statfs(at).catch(() => undefined);
        if (found) return { free: found.bavail * found.bsize, total: found.blocks * found.bsize };
        if (dirname(at) === at) return undefined;
      }
    },
    async memory() {
      const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
      const available = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
      return { total: totalmem(), available: available === undefined ? freemem() : Number(available) * 1024 };
    },
  };
}

async function linuxListeners(): Promise<Listener[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const sockets = tables.flatMap(parseProcNet);
  const owners = await ownersOf(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ port, inode }) => ({ port, ...owners.get(inode) }));
}

/** Processes by the inode of a socket that they hold; those of others only where this user may look. */
async function ownersOf(inodes: ReadonlySet<string>): Promise<Map<string, { pid: number; program: string }>> {
  const owners = new Map<string, { pid: number; program: string }>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue;
      const program = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
      owners.set(inode, { pid: Number(pid), program });
    }
  }
  return owners;
}
