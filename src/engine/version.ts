import { ConchError, type ErrorCode, toConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { Admission } from './admission.ts';
import type { BackendEvent, BackendResponse } from './backend.ts';
import type { Clock } from './clock.ts';
import type { AdmittedRequest, Outcome } from './request.ts';
import type { VersionCache } from './response-cache.ts';
import type { Runner } from './runner.ts';
import type { ModelCounters, StatisticsRecorder } from './statistics.ts';
import { traceAdmission, traceOutcome } from './tracing.ts';

export interface VersionParts {
  readonly name: string;
  readonly version: number;
  readonly config: ModelConfig;
  readonly admission: Admission;
  readonly runner: Runner;
  readonly recorder: StatisticsRecorder;
  /** Labels by output. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Of a model that opted in, where the engine has a cache. */
  readonly cache: VersionCache | undefined;
  readonly clock: Clock;
  readonly loadSeconds: number;
}

/** What a sequence scheduler says at its door; Triton counts such requests nowhere. */
const refusals: readonly ErrorCode[] = ['REQUEST_INVALID', 'SERVER_STOPPING'];

const nobody = (): void => {};

/** An error that is no failure of its request: the runner did not take it, or has counted it as an answer. */
class Uncounted {
  readonly error: ConchError;
  constructor(error: ConchError) {
    this.error = error;
  }
}

/**
 * A version that serves, from ready until the last request that holds it is done. Retired, it takes no new requests
 * from outside (nobody finds it any more), finishes those it has, and then frees its runner.
 */
export class ServedVersion {
  readonly name: string;
  readonly version: number;
  /** Changes only in `instance_group` and `version_policy`. */
  config: ModelConfig;
  readonly admission: Admission;
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Answers a request by any number of responses. */
  readonly decoupled: boolean;
  readonly #parts: VersionParts;
  #holders = 0;
  #retired: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: VersionParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.version = parts.version;
    this.config = parts.config;
    this.admission = parts.admission;
    this.labels = parts.labels;
    this.decoupled = parts.config.model_transaction_policy?.decoupled ?? false;
  }

  /** Whether it is healthy, and its model, where it has a say in it, finds itself ready. */
  checkReady(): boolean | Promise<boolean> {
    const { runner } = this.#parts;
    return runner.checkReady ? runner.checkReady() : runner.healthy;
  }

  get healthy(): boolean {
    return this.#parts.runner.healthy;
  }

  /** Whether `reconfigure` works; otherwise the model has to be loaded again. */
  get reconfigurable(): boolean {
    return this.#parts.runner.resizable;
  }

  /** Takes on a config that differs only in `instance_group` and `version_policy`. */
  async reconfigure(config: ModelConfig): Promise<void> {
    await this.#parts.runner.resize(config);
    this.config = config;
  }

  acquire(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#retired?.();
  }

  /**
   * Checks, schedules and runs a request; outputs come in the order asked for, in the config's shapes. A decoupled
   * model's request is refused: only `stream` can carry its answers. With `atOnce` a request
   * that can be run here and now is: then there is no promise, and what it would reject with is thrown.
   */
  infer(request: InferenceRequest, atOnce = false): Outcome | Promise<Outcome> {
    const { admission, cache, clock } = this.#parts;
    if (this.decoupled) throw this.#severalResponses();
    const admitted = admission.admit(request, atOnce);
    const arrivedAt = clock.now();
    if (request.trace) traceAdmission(request.trace, this, admitted, arrivedAt);
    this.acquire();
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = cache
        ? this.#runCached(cache, admitted, request, arrivedAt)
        : this.#start(admitted, request, arrivedAt, nobody);
    } catch (thrown) {
      return this.#end(request, arrivedAt, thrown);
    }
    if (!(outcome instanceof Promise)) return this.#succeed(request, admitted, arrivedAt, outcome);
    return outcome.then(
      (answer) => this.#succeed(request, admitted, arrivedAt, answer),
      (thrown) => this.#end(request, arrivedAt, thrown),
    );
  }

  /** A request's good end: counts it and lets go of it. */
  #succeed(request: InferenceRequest, admitted: AdmittedRequest, arrivedAt: number, outcome: Outcome): Outcome {
    const { cache, recorder, clock } = this.#parts;
    let answer: Outcome;
    try {
      if (!cache) recorder.succeeded(admitted.rows, (clock.now() - arrivedAt) * 1e6, outcome.durations);
      if (request.trace) traceOutcome(request.trace, this, outcome, arrivedAt);
      if (outcome.error) throw new Uncounted(outcome.error);
      answer = this.#finish(outcome);
    } catch (thrown) {
      return this.#end(request, arrivedAt, thrown);
    }
    this.#letGo(request);
    return answer;
  }

  /** A request's bad end: counts it, lets go of it, and throws its error. */
  #end(request: InferenceRequest, arrivedAt: number, thrown: unknown): never {
    const error = thrown instanceof Uncounted ? thrown.error : this.#failed(thrown, arrivedAt);
    this.#letGo(request);
    throw error;
  }

  #letGo({ trace }: InferenceRequest): void {
    trace?.stamp('REQUEST_END', this.#parts.clock.now() * 1e6);
    this.release();
  }

  /**
   * The same for any model, with the answers as events. Rejects when the request is refused before it is queued; later
   * failures come as the final event. Resolves after that.
   */
  async stream(request: InferenceRequest, onResponse: (event: BackendEvent) => void): Promise<void> {
    const { admission, recorder, cache, clock } = this.#parts;
    const admitted = admission.admit(request);
    const arrivedAt = clock.now();
    if (request.trace) traceAdmission(request.trace, this, admitted, arrivedAt);
    this.acquire();
    try {
      let outcome: Outcome;
      if (cache) outcome = await this.#runCached(cache, admitted, request, arrivedAt);
      else {
        outcome = await this.#start(admitted, request, arrivedAt, onResponse);
        recorder.succeeded(admitted.rows, (clock.now() - arrivedAt) * 1e6, outcome.durations);
      }
      if (request.trace) traceOutcome(request.trace, this, outcome, arrivedAt);
      if (!this.decoupled) onResponse({ response: outcome.error ?? this.#finish(outcome), final: true });
    } catch (thrown) {
      if (thrown instanceof Uncounted) throw thrown.error;
      onResponse({ response: this.#failed(thrown, arrivedAt), final: true });
    } finally {
      request.trace?.stamp('REQUEST_END', clock.now() * 1e6);
      this.release();
    }
  }

  /** Throws Uncounted when the request does not get past the door of the queue. */
  #start(
    admitted: AdmittedRequest,
    request: InferenceRequest,
    arrivedAt: number,
    onResponse: (event: BackendEvent) => void,
  ): Outcome | Promise<Outcome> {
    const { runner } = this.#parts;
    const emit = this.decoupled ? this.#emitter(arrivedAt, onResponse) : undefined;
    try {
      return runner.run(admitted, request, emit);
    } catch (thrown) {
      const error = toConchError(thrown);
      throw new Uncounted(refusals.includes(error.code) ? error : this.#failed(error, arrivedAt));
    }
  }

  /** Counts the responses of a decoupled model and passes them on. */
  #emitter(arrivedAt: number, onResponse: (event: BackendEvent) => void): (event: BackendEvent) => void {
    const { recorder, clock } = this.#parts;
    let index = 0;
    return ({ response, final }: BackendEvent): void => {
      recorder.responded(index, response, (clock.now() - arrivedAt) * 1e6);
      index += 1;
      const failed = response === undefined || response instanceof ConchError;
      onResponse({ response: failed ? response : this.#finish(response), final });
    };
  }

  /** Answers from the cache, or runs the request and keeps the answer. Only models with one response have a cache. */
  async #runCached(
    cache: VersionCache,
    admitted: AdmittedRequest,
    request: InferenceRequest,
    arrivedAt: number,
  ): Promise<Outcome> {
    const { recorder, clock } = this.#parts;
    const key = cache.keyOf(admitted);
    const kept = cache.get(key);
    const lookUp = (clock.now() - arrivedAt) * 1e6;
    if (kept) {
      recorder.cacheHit(lookUp);
      return { ...kept, durations: { queue: 0, computeInput: 0, computeInfer: 0, computeOutput: 0 } };
    }
    const outcome = await this.#start(admitted, request, arrivedAt, nobody);
    const answeredAt = clock.now();
    if (!outcome.error) cache.set(key, outcome);
    recorder.cacheMiss(lookUp + (clock.now() - answeredAt) * 1e6);
    recorder.succeeded(admitted.rows, (clock.now() - arrivedAt) * 1e6, outcome.durations);
    return outcome;
  }

  #finish<Response extends BackendResponse>(response: Response): Response {
    const { admission } = this.#parts;
    if (!admission.reshapes) return response;
    return { ...response, outputs: response.outputs.map((output) => admission.finish(output)) };
  }

  /** Counts a failure, unless it was refused at the door of its own queue: Triton counts such requests nowhere. */
  #failed(thrown: unknown, arrivedAt: number): ConchError {
    const { recorder, clock } = this.#parts;
    const error = toConchError(thrown);
    const counts = error.code !== 'QUEUE_FULL' || this.config.platform === 'ensemble';
    if (counts) recorder.failed((clock.now() - arrivedAt) * 1e6, error);
    return error;
  }

  #severalResponses(): ConchError {
    return new ConchError(
      'NOT_SUPPORTED',
      `model '${this.name}' is decoupled: it may answer one request with several responses, which this call cannot carry`,
      { fix: 'call it by generate_stream over HTTP or ModelStreamInfer over gRPC' },
    );
  }

  counters(): ModelCounters {
    const { cache, recorder, runner, loadSeconds } = this.#parts;
    return {
      statistics: recorder.snapshot(this.name, String(this.version)),
      failures: recorder.failures,
      pending: runner.pending,
      loadSeconds,
      caching: cache !== undefined,
      latencies: recorder.latencies,
    };
  }

  /** Whether a request goes on with a sequence that has begun here. */
  continues(request: InferenceRequest): boolean {
    return this.#parts.runner.continues?.(request) ?? false;
  }

  holdsSequences(): boolean {
    return this.#parts.runner.holdsSequences?.() ?? false;
  }

  /** Takes no new sequences from now on; resolves when those that have begun are over. */
  async finishSequences(): Promise<void> {
    await this.#parts.runner.finishSequences?.();
  }

  /** Resolves when the last request is done and everything is freed. */
  retire(): Promise<void> {
    this.#closed ??= this.#drain().then(() => {
      this.#parts.cache?.close();
      return this.#parts.runner.close(this.#stopped());
    });
    return this.#closed;
  }

  /** Frees everything at once: what waits or runs fails with SERVER_STOPPING. */
  async abandon(): Promise<void> {
    await this.#parts.runner.close(this.#stopped());
    await this.retire();
  }

  #drain(): Promise<void> {
    if (this.#holders === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#retired = resolve;
    });
  }

  #stopped(): ConchError {
    return new ConchError(
      'SERVER_STOPPING',
      `model '${this.name}' version ${this.version} was stopped before it answered`,
    );
  }
}
