import { createInterface } from 'node:readline';
import { runGroup } from '../../base/index.ts';
import { connect, type InferenceClient } from '../../client/index.ts';
import { untilReady } from './ready.ts';

/** A server as a process: Triton itself, or Compose, which starts it. */
export interface ServerProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Where it answers HTTP once it is up. */
  readonly url: string;
  /** To stop it, its whole group gets SIGINT as from a terminal; else it alone gets SIGTERM. */
  readonly likeTerminal?: boolean;
  /** How long it may take to stop, in milliseconds, before it is killed. */
  readonly stopMs: number;
  /** What to do when the program cannot be started. */
  readonly fix: string;
}

export interface RunOptions {
  readonly program: ServerProgram;
  /** Aborting it stops the server, which first finishes the requests under way. */
  readonly signal: AbortSignal;
  /** Takes what the program prints, line by line. */
  onLine(line: string): void;
  /** Called once, when the server is ready. */
  onReady(client: InferenceClient): Promise<void>;
}

export interface ServerEnd {
  /** `stopped`: as asked; `broken`: by itself, after it was ready; `failed`: before it was ready. */
  readonly why: 'stopped' | 'broken' | 'failed';
  /** Whether it ended by itself, with exit code 0 or by the signal that it was sent. */
  readonly clean: boolean;
  /** `exit code 1`, `SIGKILL`. */
  readonly how: string;
  /** The last lines that it printed. */
  readonly lastLines: readonly string[];
}

const keptLines = 30;
/** How a shell and Compose say that SIGINT ended something. */
const interrupted = 130;

/**
 * Runs a server until it ends or `signal` is aborted; it leads a process group of its own, so that a terminal's Ctrl-C
 * reaches it only through here. Throws FILE_NOT_FOUND when the program cannot be started.
 */
export async function runServer({ program, signal, onLine, onReady }: RunOptions): Promise<ServerEnd> {
  const { command, args, cwd, env, url, stopMs, fix, likeTerminal = false } = program;
  const lastLines: string[] = [];
  const ended = new AbortController();
  const client = connect(url);
  let ready = false;
  let stop: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const waiting = untilReady(client, ended.signal).then(
    async () => {
      ready = true;
      await onReady(client);
      // Triton waits for idle connections, too, before it stops.
      await client.close();
    },
    () => {}, // It ended before.
  );
  try {
    const end = await runGroup({
      ...{ command, args, cwd, env, fix },
      follow: (child, kill) => {
        for (const stream of [child.stdout, child.stderr]) {
          createInterface({ input: stream }).on('line', (line) => {
            lastLines.push(line);
            if (lastLines.length > keptLines) lastLines.shift();
            onLine(line);
          });
        }
        stop = () => {
          if (likeTerminal && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
          else child.kill('SIGTERM');
          timer = setTimeout(kill, stopMs);
        };
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      },
    });
    ended.abort();
    await waiting;
    const why = signal.aborted ? 'stopped' : ready ? 'broken' : 'failed';
    return {
      why,
      clean: end.code === 0 || end.how === 'SIGTERM' || (likeTerminal && end.code === interrupted),
      how: end.how,
      lastLines,
    };
  } finally {
    ended.abort();
    clearTimeout(timer);
    if (stop) signal.removeEventListener('abort', stop);
    await client.close();
  }
}
