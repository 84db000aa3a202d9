import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex, Readable } from 'node:stream';
import { ConchError, type Logger } from '../../../base/index.ts';
import { Channel, type Compose, type Resolve, sharedThreshold } from './channel.ts';
import type { Report } from './messages.ts';
import { openSharedFolder, removeSharedFolder } from './shared-files.ts';

/** How the process ended, as its system tells: `exit code 1`, `SIGKILL`. */
export interface Ending {
  readonly how: string;
  /** The last lines of its standard error. */
  readonly lastLines: readonly string[];
  /** It could not be started at all. */
  readonly unstartable?: Error;
}

export interface WorkerOptions {
  readonly command: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly model: string;
  readonly onReport: (report: Report, resolve: Resolve) => void;
}

const keptLines = 20;

/** The worker script: in the package's `python`, above this module in the sources as in the built package. */
function script(): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, 'python', 'backend', 'worker.py');
    if (existsSync(path)) return path;
    if (dirname(dir) === dir) {
      throw new ConchError('INTERNAL', `python/backend/worker.py is not in the package of ${import.meta.dirname}`);
    }
  }
}

/**
 * A Python process with a socket to it. It leads a process group, so that what a model starts ends with it; when this
 * process dies, it sees the socket close and ends too.
 */
export class WorkerProcess {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #channel: Channel;

  constructor({ command, environment, logger, model, onReport }: WorkerOptions) {
    const folder = openSharedFolder();
    const child = spawn(command, [script(), folder ?? '', String(sharedThreshold)], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', ...environment },
    });
    this.#child = child;
    const last: string[] = [];
    const log = (stream: Readable, name: string, note: (line: string) => void): void => {
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
        note(line);
        logger.info({ model, stream: name }, line);
      });
    };
    log(child.stdout!, 'stdout', () => {});
    log(child.stderr!, 'stderr', (line) => {
      last.push(line);
      if (last.length > keptLines) last.shift();
    });
    this.#channel = new Channel(child.stdio[3] as Duplex, folder, onReport, (error) => {
      logger.error({ model, reason: error.message }, 'the Python process is stopped: it broke the protocol');
      this.kill();
    });
    this.ended = new Promise((resolve) => {
      let settled = false;
      const settle = (ending: Ending): void => {
        if (settled) return;
        settled = true;
        removeSharedFolder(folder);
        resolve(ending);
      };
      child.once('error', (error) => {
        if (child.pid === undefined) settle({ how: error.message, lastLines: last, unstartable: error });
      });
      child.once('exit', (code, signal) => {
        this.#killGroup();
        const how = signal ?? `exit code ${code}`;
        // What it wrote last may still be on its way; a process that left the group may hold the streams open.
        const timer = setTimeout(() => settle({ how, lastLines: last }), 500);
        child.once('close', () => {
          clearTimeout(timer);
          settle({ how, lastLines: last });
        });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(compose: Compose): Promise<void> {
    return this.#channel.send(compose);
  }

  /** Ends it and what it started, at once. */
  kill(): void {
    this.#killGroup();
  }

  #killGroup(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {} // It has ended.
  }
}
