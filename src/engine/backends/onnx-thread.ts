import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ConchError } from '../../base/index.ts';
import type { BackendInstance, Batch, BatchResult } from '../backend.ts';
import { trackThread } from './exit.ts';
import type { OnnxLayout } from './onnx-layout.ts';
import type { WorkerCommand, WorkerReport, WorkerStart } from './onnx-messages.ts';
import { stackInputs, unstackOutputs } from './onnx-tensors.ts';
import type { OnnxTensor } from './onnx-types.ts';

// From a checkout this module is TypeScript and so is the worker; in the published build both are JavaScript.
const workerFile = new URL(`./onnx-worker${extname(import.meta.url)}`, import.meta.url);

interface Run {
  readonly resolve: (outputs: readonly OnnxTensor[]) => void;
  readonly reject: (error: ConchError) => void;
}

/** An ONNX session in a thread of its own. Inputs are copied once, into memory that is handed over; outputs not at all. */
export class OnnxThread implements BackendInstance {
  readonly #worker: Worker;
  readonly #layout: OnnxLayout;
  readonly #busy: Int32Array;
  readonly #runs = new Map<number, Run>();
  readonly #exited: Promise<void>;
  #nextId = 0;
  #closing = false;
  #lost: ConchError | undefined;

  private constructor(worker: Worker, layout: OnnxLayout, busy: Int32Array) {
    this.#worker = worker;
    this.#layout = layout;
    this.#busy = busy;
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /** Resolves when the session is open; rejects with MODEL_LOAD_FAILED. */
  static start(
    start: Omit<WorkerStart, 'busy'> & { readonly name: string; readonly layout: OnnxLayout },
    onLost: (error: ConchError) => void,
  ): Promise<OnnxThread> {
    const { path, options, name, layout } = start;
    const { busy, gone } = trackThread();
    const workerData: WorkerStart = { path, options, busy };
    // Without the process's own arguments: those that say how to read its main module would be taken for the worker's.
    // It handles little more than views on memory that is not JavaScript's: a small nursery saves some MB an instance.
    const resourceLimits = { maxYoungGenerationSizeMb: 4 };
    const worker = new Worker(workerFile, { workerData, name, execArgv: [], resourceLimits });
    const thread = new OnnxThread(worker, layout, busy);
    return new Promise((resolve, reject) => {
      let ready = false;
      let cause: unknown;
      worker.on('message', (report: WorkerReport) => {
        if (report.kind === 'ready') {
          ready = true;
          resolve(thread);
        } else if (report.kind === 'refused') {
          thread.#closing = true;
          reject(new ConchError(report.error.code, report.error.message, { where: { file: path } }));
        } else thread.#settle(report);
      });
      worker.on('error', (error) => {
        cause = error;
      });
      worker.on('exit', (code) => {
        gone();
        const reason = cause instanceof Error ? cause.message : `it ended with code ${code}`;
        const error = new ConchError('EXECUTION_FAILED', `instance '${name}': its thread died: ${reason}`, {
          status: 'UNAVAILABLE',
          cause,
        });
        thread.#fail(error);
        if (!ready) reject(new ConchError('MODEL_LOAD_FAILED', error.message, { where: { file: path }, cause }));
        else if (!thread.#closing) onLost(error);
      });
    });
  }

  async run(batch: Batch): Promise<BatchResult> {
    const start = performance.now();
    const inputs = stackInputs(batch, this.#layout, true);
    const sent = performance.now();
    const results = await this.#execute(inputs, outputsOf(batch));
    const received = performance.now();
    const responses = unstackOutputs(results, batch, this.#layout);
    return {
      responses,
      computeInput: (sent - start) * 1e6,
      computeInfer: (received - sent) * 1e6,
      computeOutput: (performance.now() - received) * 1e6,
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    const idle = this.#runs.size === 0;
    this.#fail(new ConchError('SERVER_STOPPING', 'the instance was stopped while it ran the request'));
    this.#post({ kind: 'close' }, []);
    // A run cannot be interrupted: a busy thread ends when the runtime returns, and nobody needs to wait for that.
    if (idle) await this.#exited;
  }

  #execute(inputs: readonly OnnxTensor[], outputs: readonly string[]): Promise<readonly OnnxTensor[]> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      const id = this.#nextId++;
      this.#runs.set(id, { resolve, reject });
      // Where all that was sent lies, but for text; what was made from the batch is small, and copied.
      const memory = inputs.find((input) => !Array.isArray(input.data))?.data as Uint8Array | undefined;
      this.#post({ kind: 'run', id, inputs, outputs }, memory ? [memory.buffer as ArrayBuffer] : []);
    });
  }

  #post(command: WorkerCommand, transfer: ArrayBuffer[]): void {
    Atomics.add(this.#busy, 0, 1);
    this.#worker.postMessage(command, transfer);
  }

  #settle(report: Extract<WorkerReport, { id: number }>): void {
    const run = this.#runs.get(report.id);
    this.#runs.delete(report.id);
    if (report.kind === 'done') run?.resolve(report.outputs);
    else run?.reject(new ConchError(report.error.code, report.error.message));
  }

  #fail(error: ConchError): void {
    this.#lost ??= error;
    for (const run of this.#runs.values()) run.reject(error);
    this.#runs.clear();
  }
}

/** The outputs that any request of the batch wants. */
export function outputsOf(batch: Batch): readonly string[] {
  const [first] = batch.requests;
  if (batch.requests.every((request) => request.outputs === first?.outputs)) return first?.outputs ?? [];
  return [...new Set(batch.requests.flatMap((request) => request.outputs))];
}
