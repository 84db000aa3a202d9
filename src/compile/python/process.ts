import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type GroupEnd, runGroup } from '../../base/index.ts';

export interface LoggedRun {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** All variables of the child; this process's unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** What it reads on standard input. */
  readonly input?: string;
  /** Everything that it prints is added to this file. */
  readonly logFile?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of every line; `stdout` lines are not logged where `stdoutIsAnswer`. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Standard output is for this process and not for the log. */
  readonly stdoutIsAnswer?: boolean;
}

/** How a child ended. */
export interface RunEnd extends GroupEnd {
  /** The last lines that went to the log. */
  readonly lastLines: readonly string[];
}

const keptLines = 60;
/** A line longer than this is cut in what is kept. */
const longestLine = 2000;

/**
 * Runs a program to its end, its output in a log file. It leads a process group, which ends with it, at the time limit,
 * or when `signal` is aborted (then the signal's reason is thrown). Throws FILE_NOT_FOUND when it cannot be started.
 */
export async function runLogged(run: LoggedRun): Promise<RunEnd> {
  const { logFile, onLine } = run;
  run.signal?.throwIfAborted();
  if (logFile !== undefined) await mkdir(dirname(logFile), { recursive: true });
  const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' });
  log?.on('error', () => {}); // A full disk shows where the work itself writes.
  const lastLines: string[] = [];
  const follow = (stream: Readable, name: 'stdout' | 'stderr') => {
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      onLine?.(line, name);
      if (name === 'stdout' && run.stdoutIsAnswer) return;
      log?.write(`${line}\n`);
      lastLines.push(line.slice(0, longestLine));
      if (lastLines.length > keptLines) lastLines.shift();
    });
  };
  try {
    const { command, args, cwd, env, input, timeoutMs, signal } = run;
    const end = await runGroup({
      ...{ command, args, cwd, env, input, timeoutMs, signal },
      follow({ stdout, stderr }) {
        follow(stdout, 'stdout');
        follow(stderr, 'stderr');
      },
    });
    return { ...end, lastLines };
  } finally {
    log?.end();
  }
}
