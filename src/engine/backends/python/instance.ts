import { ConchError, type Logger } from '../../../base/index.ts';
import type { BackendInstance, BackendResponse, Batch, BatchResult, EngineAccess } from '../../backend.ts';
import { Calls } from './calls.ts';
import type { Resolve } from './channel.ts';
import type { Command, Report, WireResponse } from './messages.ts';
import { requestToWire, responseFromWire } from './wire.ts';
import { type Ending, WorkerProcess } from './worker-process.ts';

export interface InstanceOptions {
  readonly model: string;
  /** What logs and errors call the instance. */
  readonly name: string;
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly start: Extract<Command, { kind: 'start' }>;
  readonly server: EngineAccess;
  readonly logger: Logger;
  /** Milliseconds for initialize, and for finalize. */
  readonly patience: number;
  readonly onLost: (error: ConchError) => void;
  readonly refusal: (report: Extract<Report, { kind: 'refused' }>) => ConchError;
  readonly unstartable: (ending: Ending) => ConchError;
}

/** Milliseconds that a busy process has at its close, when nobody waits for its answers any more. */
const busyPatience = 2000;

/** Milliseconds for a model to say whether it is ready, as in Triton's Python backend. */
const readinessPatience = 5000;

interface Run {
  readonly batch: Batch;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: ConchError) => void;
  readonly sentAt: number;
  readonly formed: number;
  readonly rescheduled: Set<number>;
  readonly responses: (BackendResponse | ConchError | undefined)[];
  /** Requests without their final response. */
  readonly open: Set<number>;
  /** `execute` has returned. */
  done: boolean;
  readonly release: () => void;
}

/** One instance of a Python model, in a process of its own. */
export class PythonInstance implements BackendInstance {
  readonly #options: InstanceOptions;
  readonly #runs = new Map<number, Run>();
  readonly #process: WorkerProcess;
  readonly #calls: Calls;
  readonly #ready = Promise.withResolvers<void>();
  /** Only of a model that has a say in it. */
  ready?: () => Promise<boolean>;
  #readiness: ((ready: boolean) => void) | undefined;
  #asked: Promise<boolean> | undefined;
  #nextRun = 1;
  #closing = false;
  #lost: ConchError | undefined;

  private constructor(options: InstanceOptions) {
    this.#options = options;
    const { command, environment, logger, model } = options;
    this.#process = new WorkerProcess({
      command,
      environment,
      logger,
      model,
      onReport: (report, resolve) => this.#take(report, resolve),
    });
    this.#calls = new Calls(options.server, (compose) => this.#process.send(compose));
  }

  /** Resolves when the model has been initialised; rejects with MODEL_LOAD_FAILED, and then nothing is left of it. */
  static async start(options: InstanceOptions): Promise<PythonInstance> {
    const instance = new PythonInstance(options);
    const { name, patience, onLost, unstartable } = options;
    let started = false;
    let late = false;
    void instance.#process.ended.then((ending) => {
      const how = ending.how + (ending.lastLines.length > 0 ? `: ${ending.lastLines.at(-1)}` : '');
      const error = new ConchError('EXECUTION_FAILED', `instance '${name}': its Python process ended (${how})`, {
        status: 'INTERNAL',
      });
      instance.#fail(error);
      instance.#calls.metrics.letGo();
      if (started && !instance.#closing) onLost(error);
      const reason = late ? ` did not end its start within ${patience / 1000} s` : ` ended at its start (${how})`;
      instance.#ready.reject(
        ending.unstartable
          ? unstartable(ending)
          : new ConchError('MODEL_LOAD_FAILED', `the Python process of instance '${name}'${reason}`, {
              where: { file: options.start.path },
            }),
      );
    });
    const timer = setTimeout(() => {
      late = true;
      instance.#process.kill();
    }, patience);
    try {
      await instance.#process.send(() => options.start);
      await instance.#ready.promise;
    } catch (error) {
      instance.#closing = true;
      await instance.#process.ended;
      throw error;
    } finally {
      clearTimeout(timer);
    }
    started = true;
    return instance;
  }

  run(batch: Batch): Promise<BatchResult> {
    if (this.#lost) return Promise.reject(this.#lost);
    const start = performance.now();
    const run = this.#nextRun++;
    return new Promise((resolve, reject) => {
      const release = this.#watchCancels(run, batch);
      void this.#process
        .send((add) => ({ kind: 'run', run, requests: batch.requests.map((request) => requestToWire(request, add)) }))
        .catch((error: Error) => {
          this.#runs.delete(run);
          release();
          reject(
            new ConchError('EXECUTION_FAILED', `the batch could not be handed over: ${error.message}`, {
              cause: error,
            }),
          );
        });
      const sentAt = performance.now();
      this.#runs.set(run, {
        batch,
        resolve,
        reject,
        sentAt,
        formed: sentAt - start,
        responses: batch.requests.map(() => undefined),
        rescheduled: new Set(),
        open: new Set(batch.requests.keys()),
        done: false,
        release,
      });
    });
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      const busy = this.#runs.size > 0;
      this.#fail(new ConchError('SERVER_STOPPING', 'the instance was stopped while it ran the request'));
      void this.#process.send(() => ({ kind: 'close' })).catch(() => {});
      const timer = setTimeout(
        () => {
          this.#options.logger.warn(
            { instance: this.#options.name },
            'the Python process did not end in time; it is killed',
          );
          this.#process.kill();
        },
        busy ? Math.min(busyPatience, this.#options.patience) : this.#options.patience,
      );
      await this.#process.ended;
      clearTimeout(timer);
    }
    await this.#process.ended;
  }

  #watchCancels(run: number, { requests }: Batch): () => void {
    const watched = requests.flatMap(({ context: { signal } }, index) => {
      if (!signal || signal.aborted) return [];
      const tell = (): void => void this.#process.send(() => ({ kind: 'cancel', run, index })).catch(() => {});
      signal.addEventListener('abort', tell, { once: true });
      return [() => signal.removeEventListener('abort', tell)];
    });
    return () => {
      for (const release of watched) release();
    };
  }

  #take(report: Report, resolve: Resolve): void {
    if (report.kind === 'done') {
      const run = this.#runs.get(report.run);
      if (!run) return;
      run.done = true;
      for (const index of report.rescheduled) {
        run.rescheduled.add(index);
        run.open.delete(index);
      }
      report.responses.forEach((wire, index) => {
        if (wire) this.#respond(run, index, wire, true, resolve);
      });
      this.#settle(report.run, run);
    } else if (report.kind === 'send') {
      const run = this.#runs.get(report.run);
      if (!run) return;
      this.#respond(run, report.index, report.response, report.final, resolve);
      this.#settle(report.run, run);
    } else if (report.kind === 'failed') {
      const run = this.#runs.get(report.run);
      this.#runs.delete(report.run);
      run?.release();
      run?.reject(
        new ConchError('EXECUTION_FAILED', `model '${this.#options.model}': execute failed: ${report.message}`),
      );
    } else if (report.kind === 'ready') {
      if (report.asks) this.ready = () => this.#askReady();
      this.#ready.resolve();
    } else if (report.kind === 'readiness') {
      if (report.error) this.#options.logger.warn({ instance: this.#options.name }, `is_ready failed: ${report.error}`);
      this.#readiness?.(report.ready);
    } else if (report.kind === 'refused') this.#ready.reject(this.#options.refusal(report));
    else if (report.kind === 'log') this.#log(report);
    else if (report.kind === 'cancel') this.#calls.cancel(report.call);
    else if (report.kind === 'metric_change') this.#calls.metrics.change(report);
    else if (report.kind === 'metrics_gone') this.#calls.metrics.giveUp(report.metrics);
    else if (report.kind !== 'closed') void this.#calls.take(report, resolve);
  }

  #respond(run: Run, index: number, wire: WireResponse | null, final: boolean, resolve: Resolve): void {
    const response = wire ? responseFromWire(wire, resolve) : undefined;
    if (run.batch.emit) run.batch.emit(index, { response, final });
    else if (response) run.responses[index] = response;
    if (final) run.open.delete(index);
  }

  /** A decoupled batch is done when `execute` has returned, any other when its requests are answered too. */
  #settle(id: number, run: Run): void {
    if (run.open.size === 0) {
      run.release();
      if (run.done) this.#runs.delete(id);
    }
    if (!run.done || (!run.batch.emit && run.open.size > 0)) return;
    const { responses, rescheduled, formed, sentAt } = run;
    run.resolve({
      responses,
      ...(rescheduled.size > 0 && { rescheduled }),
      computeInput: formed * 1e6,
      computeInfer: (performance.now() - sentAt) * 1e6,
      computeOutput: 0,
    });
  }

  /** Who asks while an answer is awaited gets that one; a model that does not answer in time is not ready. */
  #askReady(): Promise<boolean> {
    this.#asked ??= new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), readinessPatience);
      this.#readiness = (ready) => {
        clearTimeout(timer);
        resolve(ready);
      };
      if (this.#lost) this.#readiness(false);
      else void this.#process.send(() => ({ kind: 'ready' })).catch(() => this.#readiness?.(false));
    }).finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  #log({ level, message, where }: Extract<Report, { kind: 'log' }>): void {
    const { logger, model } = this.#options;
    const write = { error: 'error', warning: 'warn', verbose: 'debug' }[level] ?? 'info';
    logger[write as 'info']({ model, where }, message);
  }

  #fail(error: ConchError): void {
    this.#lost ??= error;
    this.#readiness?.(false);
    this.#calls.cancelAll();
    for (const run of this.#runs.values()) {
      run.release();
      run.reject(error);
    }
    this.#runs.clear();
  }
}
