import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ConchError } from './errors.ts';

export interface GroupRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** All variables of the child; this process's unless given. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What it reads on standard input. */
  readonly input?: string | undefined;
  /** Absent: it may run for as long as it likes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Takes what the child prints; `kill` ends it with all that it started. */
  readonly follow: (child: ChildProcessWithoutNullStreams, kill: () => void) => void;
  /** What to do when the program cannot be started. */
  readonly fix?: string;
}

export interface GroupEnd {
  /** Undefined when a signal or the time limit ended it. */
  readonly code: number | undefined;
  /** `exit code 1`, `SIGKILL`, `timeout`. */
  readonly how: string;
}

/**
 * Runs a program to its end. It leads a process group, which ends with it, at the time limit, or when `signal` is aborted
 * (then the signal's reason is thrown). Throws FILE_NOT_FOUND when it cannot be started.
 */
export async function runGroup(run: GroupRun): Promise<GroupEnd> {
  const { command, args, signal, timeoutMs, fix } = run;
  signal?.throwIfAborted();
  const isWindows = process.platform === 'win32';
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: !isWindows,
    ...(run.cwd !== undefined && { cwd: run.cwd }),
    ...(run.env !== undefined && { env: run.env }),
  });
  const kill = () => {
    try {
      if (isWindows) child.kill('SIGKILL');
      else if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {} // It has ended.
  };
  run.follow(child, kill);
  child.stdin.on('error', () => {}).end(run.input ?? ''); // A child that ends early says why by itself.
  let timedOut = false;
  const onTimeout = () => {
    timedOut = true;
    kill();
    for (const stream of [child.stdout, child.stderr]) stream.destroy(); // A process that left the group may hold them.
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
  signal?.addEventListener('abort', kill);
  child.once('exit', kill); // What it started and left running would keep its streams open.
  try {
    const [code, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...ended) => resolve(ended));
    });
    signal?.throwIfAborted();
    if (timedOut) return { code: undefined, how: 'timeout' };
    return { code: code ?? undefined, how: by ?? `exit code ${code}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith('spawn') !== true) throw error;
    throw new ConchError('FILE_NOT_FOUND', `${command} cannot be started: ${(error as Error).message}`, {
      ...(fix !== undefined && { fix }),
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}
