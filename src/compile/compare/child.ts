import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { ConchError } from '../../base/index.ts';

export type Reply<Result> = { readonly result: Result } | { readonly failed: string };

/**
 * Runs the module `name` beside this one as a process with one order, and gives what it answers. It ends with `signal`,
 * whose reason is thrown then. Throws COMPILE_FAILED with its words, or how it ended.
 */
export function askChild<Result>(name: string, order: unknown, signal: AbortSignal | undefined): Promise<Result> {
  signal?.throwIfAborted();
  // From a checkout this module is TypeScript and so is the process; in the published build both are JavaScript.
  const file = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
  return new Promise((resolve, reject) => {
    const child = fork(file, [], {
      serialization: 'advanced',
      execArgv: [],
      // ONNX Runtime for Node sends usage data home unless told not to; whoever sets the variable decides.
      env: { ORT_DISABLE_TELEMETRY: '1', ...process.env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const kill = () => void child.kill('SIGKILL');
    signal?.addEventListener('abort', kill);
    let errors = '';
    let reply: Reply<Result> | undefined;
    child.stderr!.on('data', (text: Buffer) => {
      errors = (errors + text.toString()).slice(-2000);
    });
    child.on('message', (message: Reply<Result>) => {
      reply = message;
    });
    child.once('error', reject);
    child.once('close', (code, killed) => {
      signal?.removeEventListener('abort', kill);
      if (signal?.aborted) reject(signal.reason);
      else if (reply === undefined) {
        const how = `the process ended with ${killed ?? code}`;
        reject(new ConchError('COMPILE_FAILED', `${how}${errors && `: ${errors.trim()}`}`));
      } else if ('failed' in reply) reject(new ConchError('COMPILE_FAILED', reply.failed));
      else resolve(reply.result);
    });
    child.send(order as object, (error) => error && reject(error));
  });
}

/** The other side: answers the one order with what `work` makes of it, then lets the process end. */
export function answerParent<Order, Result>(work: (order: Order) => Promise<Result>): void {
  // Nobody waits for the answer of a process whose parent has gone.
  process.once('disconnect', () => process.exit());
  process.once('message', async (order: Order) => {
    let reply: Reply<Result>;
    try {
      reply = { result: await work(order) };
    } catch (thrown) {
      reply = { failed: thrown instanceof Error ? thrown.message : String(thrown) };
    }
    process.send!(reply, () => process.disconnect());
  });
}

/** This process's highest resident memory in bytes, and its share of what it maps now; undefined outside Linux. */
export function processMemory(): { peak: number | undefined; proportional: number | undefined } {
  const read = (file: string, line: RegExp) => {
    try {
      const found = line.exec(readFileSync(`/proc/self/${file}`, 'utf8'));
      return found ? 1024 * Number(found[1]) : undefined;
    } catch {
      return undefined;
    }
  };
  return {
    peak: read('status', /^VmHWM:\s+(\d+) kB$/m),
    proportional: read('smaps_rollup', /^Pss:\s+(\d+) kB$/m),
  };
}
