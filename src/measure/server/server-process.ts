import { type ChildProcess, spawn } from 'node:child_process';
import { ConchError } from '../../base/index.ts';

export interface ServerProcessOptions {
  /** The program and its first arguments, of which `serve` is the next. */
  readonly command: readonly string[];
  readonly repository: string;
  /** Further flags of `conch serve`. */
  readonly flags?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** An embedded server in a process of its own: its memory and processor time are then its alone. */
export interface ServerProcess {
  readonly pid: number;
  readonly url: string;
  readonly grpcUrl: string;
  /** From starting the process to all models being loaded. */
  readonly readyMs: number;
  close(): Promise<void>;
}

const longestStopMs = 10_000;
const ports = ['--http-port', '0', '--grpc-port', '0', '--metrics-port', '0'];

/** Starts `conch serve` on free ports; resolves when its models are loaded. Throws MODEL_LOAD_FAILED with its words when it ends before. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { command, repository, flags = [], signal } = options;
  signal?.throwIfAborted();
  const [program = process.execPath, ...first] = command;
  const started = performance.now();
  const child = spawn(program, [...first, 'serve', repository, ...ports, '--json', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const close = () => stop(child);
  // Whoever measures may end without a word; a server that nobody asks must not stay.
  const orphan = () => void child.kill('SIGKILL');
  process.once('exit', orphan);
  child.once('exit', () => process.off('exit', orphan));
  const onAbort = () => void close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { url, grpcPort } = await firstJson(child);
    const { hostname } = new URL(url);
    return {
      pid: child.pid!,
      url,
      grpcUrl: `grpc://${hostname}:${grpcPort}`,
      readyMs: performance.now() - started,
      close,
    };
  } catch (error) {
    await close();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function firstJson(child: ChildProcess): Promise<{ url: string; grpcPort: number }> {
  return new Promise((resolve, reject) => {
    let [out, errors] = ['', ''];
    child.stdout!.on('data', (text: Buffer) => {
      out += text.toString();
      try {
        resolve(JSON.parse(out));
      } catch {
        // Not whole yet.
      }
    });
    child.stderr!.on('data', (text: Buffer) => {
      errors = (errors + text.toString()).slice(-4000);
    });
    child.once('error', reject);
    child.once('close', (code, killed) => {
      const words = errors.trim() || `it ended with ${killed ?? code}`;
      reject(new ConchError('MODEL_LOAD_FAILED', `the embedded server did not come up: ${words}`));
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), longestStopMs);
  await gone;
  clearTimeout(late);
}
