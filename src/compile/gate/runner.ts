import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { GateTensor, Sample } from './sample.ts';

// From a checkout this module is TypeScript and so is the process; in the published build both are JavaScript.
const processFile = new URL(`./runner-process${extname(import.meta.url)}`, import.meta.url);

export interface RunnerOrder {
  /** What it is, for messages: `the compiled model`. */
  readonly what: string;
  readonly path: string;
  readonly samples: readonly Sample[];
  /** All of the model's unless given. */
  readonly outputs?: readonly string[] | undefined;
}

export type RunnerReport =
  | { readonly kind: 'outputs'; readonly outputs: readonly GateTensor[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Runs the model at `path` on each sample, in a process of its own, and gives the outputs by sample. Throws COMPILE_FAILED
 * with ONNX Runtime's words where it cannot be loaded or run.
 */
export function runModel(order: RunnerOrder, signal?: AbortSignal): Promise<(readonly GateTensor[])[]> {
  return new Promise((resolve, reject) => {
    const child = fork(processFile, [], {
      serialization: 'advanced',
      execArgv: [],
      // ONNX Runtime for Node sends usage data home unless told not to; whoever sets the variable decides.
      env: { ORT_DISABLE_TELEMETRY: '1', ...process.env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...(signal && { signal }),
    });
    const results: (readonly GateTensor[])[] = [];
    let errors = '';
    let ending: Error | undefined;
    let done = false;
    child.stderr!.on('data', (text: Buffer) => {
      errors = (errors + text.toString()).slice(-2000);
    });
    child.on('message', (report: RunnerReport) => {
      if (report.kind === 'outputs') results.push(report.outputs);
      else if (report.kind === 'done') done = true;
      else ending = failed(order, report.message);
    });
    child.once('error', (error) => {
      ending ??= error;
    });
    child.once('close', (code, killed) => {
      if (done) resolve(results);
      else reject(ending ?? failed(order, `the process ended with ${killed ?? code}${errors && `: ${errors.trim()}`}`));
    });
    child.send(order);
  });
}

function failed({ path, what }: RunnerOrder, message: string): ConchError {
  return new ConchError('COMPILE_FAILED', `ONNX Runtime cannot run ${what}: ${message}`, {
    where: { file: path },
  });
}
