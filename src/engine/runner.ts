import type { ConchError, Logger } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { BackendEvent, LoadedModel } from './backend.ts';
import { DynamicBatcher } from './batcher.ts';
import type { Clock } from './clock.ts';
import type { InstancePool } from './instances.ts';
import { requirePlainText } from './plain-text.ts';
import { type AdmittedRequest, type Outcome, PendingRequest } from './request.ts';
import { DefaultScheduler, type Scheduler, type SchedulerOptions } from './scheduler.ts';
import { SequenceBatcher } from './sequence/batcher.ts';
import type { DeclaredState } from './sequence/states.ts';
import { maxBatchSizeOf } from './tensors.ts';
import type { TokenWindowOptions } from './token-window.ts';

/** What stands behind a served version: instances with a scheduler before them, or an ensemble of other models. */
export interface Runner {
  /** Requests waiting for an instance. */
  readonly pending: number;
  /** False when nothing can be run any more. */
  readonly healthy: boolean;
  /** Whether it is healthy and says itself that it is ready; absent: the first is enough. */
  checkReady?(): boolean | Promise<boolean>;
  /**
   * Throws when the request is refused; rejects when it failed later. Without a promise where the request was run here
   * and now. A decoupled model answers through `onResponse` until its final response, and then resolves without outputs.
   */
  run(
    admitted: AdmittedRequest,
    request: InferenceRequest,
    onResponse?: (event: BackendEvent) => void,
  ): Outcome | Promise<Outcome>;
  /** Whether it can take on another `instance_group` without the model being loaded again. */
  readonly resizable: boolean;
  /** Does so; only while `resizable`. */
  resize(config: ModelConfig): Promise<void>;
  /** Whether a request goes on with a sequence that has begun; absent where nothing keeps sequences. */
  continues?(request: InferenceRequest): boolean;
  /** Whether sequences have begun that have not ended. */
  holdsSequences?(): boolean;
  /** Takes no new sequences from now on; resolves when those that have begun are over. */
  finishSequences?(): Promise<void>;
  /** Fails what waits, and breaks off what runs where that is possible; then frees everything. */
  close(reason: ConchError): Promise<void>;
}

/** Instances of a backend behind the scheduler that the config asks for. */
export class ScheduledRunner implements Runner {
  readonly #pool: InstancePool;
  readonly #loaded: LoadedModel;
  readonly #scheduler: Scheduler;
  readonly #sequences: SequenceBatcher | undefined;
  readonly #clock: Clock;
  readonly #plainText: boolean;
  /** Why nothing is taken any more. */
  #refusal: ConchError | undefined;

  constructor(
    pool: InstancePool,
    loaded: LoadedModel,
    config: ModelConfig,
    limits: Omit<SchedulerOptions, 'executor'> & { readonly window?: TokenWindowOptions | undefined },
    sequences: { readonly states: readonly DeclaredState[]; readonly logger: Logger },
  ) {
    this.#pool = pool;
    this.#loaded = loaded;
    this.#clock = limits.clock;
    this.#plainText =
      loaded.facts.plainText === true && (config.input ?? []).some((input) => input.data_type === 'TYPE_STRING');
    const options = { ...limits, executor: pool };
    const { padded, inline: eager } = loaded.facts;
    const mixShapes = !padded;
    if (config.sequence_batching) {
      const { lanes } = pool;
      this.#sequences = new SequenceBatcher({ ...limits, ...sequences, config, lanes, mixShapes, eager });
      this.#scheduler = this.#sequences;
      return;
    }
    this.#scheduler = config.dynamic_batching
      ? new DynamicBatcher({
          ...options,
          config: config.dynamic_batching,
          maxBatchSize: maxBatchSizeOf(config),
          mixShapes,
          window: limits.window,
        })
      : new DefaultScheduler(options);
  }

  get pending(): number {
    return this.#scheduler.pending;
  }

  checkReady(): boolean | Promise<boolean> {
    return this.#pool.checkReady();
  }

  get healthy(): boolean {
    return this.#pool.healthy;
  }

  run(
    admitted: AdmittedRequest,
    _request: InferenceRequest,
    onResponse?: (event: BackendEvent) => void,
  ): Outcome | Promise<Outcome> {
    if (this.#refusal) throw this.#refusal;
    if (this.#plainText) requirePlainText(admitted.inputs);
    let outcome: Outcome | undefined;
    let failure: ConchError | undefined;
    let later:
      | { readonly resolve: (outcome: Outcome) => void; readonly reject: (error: ConchError) => void }
      | undefined;
    const succeed = (value: Outcome): void => {
      if (later) later.resolve(value);
      else outcome = value;
    };
    const fail = (error: ConchError): void => {
      if (later) later.reject(error);
      else failure = error;
    };
    this.#scheduler.enqueue(new PendingRequest(admitted, this.#clock.now(), succeed, fail, onResponse));
    if (outcome) return outcome;
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      later = { resolve, reject };
    });
  }

  get resizable(): boolean {
    return this.#loaded.resize !== undefined;
  }

  async resize(config: ModelConfig): Promise<void> {
    await this.#pool.resize(this.#loaded.resize!(config));
    this.#sequences?.setLanes(this.#pool.lanes);
  }

  continues({ sequence }: InferenceRequest): boolean {
    return this.#sequences?.continues(sequence) ?? false;
  }

  holdsSequences(): boolean {
    return this.#sequences?.holdsSequences ?? false;
  }

  async finishSequences(): Promise<void> {
    await this.#sequences?.finish();
  }

  /** Fails what waits and all that comes. */
  refuse(reason: ConchError): void {
    this.#refusal ??= reason;
    this.#scheduler.clear(reason);
  }

  async close(reason: ConchError): Promise<void> {
    this.refuse(reason);
    await this.#pool.close(reason);
  }
}
