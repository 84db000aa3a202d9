import { availableParallelism } from 'node:os';
import { ConchError, createLogger, type Logger } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelStatistics,
  ResponseEvent,
} from '../protocol/index.ts';
import type { Backend, BackendResponse } from './backend.ts';
import { builtInBackends } from './backends/index.ts';
import { Catalogue } from './catalogue.ts';
import { type Clock, systemClock } from './clock.ts';
import { type CustomMetricFamily, CustomMetrics } from './custom-metrics.ts';
import type { LatencyMetrics } from './latencies.ts';
import { Lifecycle } from './lifecycle.ts';
import type { BackendSettings } from './loader.ts';
import { metadataOf } from './metadata.ts';
import type { ReadOptions } from './model-on-disk.ts';
import type { LoadOverrides } from './overrides.ts';
import { Poll } from './poll.ts';
import { RateLimiter, type ResourceLimit } from './rate-limiter.ts';
import { Repositories } from './repositories.ts';
import type { Outcome } from './request.ts';
import { ResponseCache } from './response-cache.ts';
import type { ModelCounters } from './statistics.ts';
import type { ServedVersion } from './version.ts';

export interface EngineOptions {
  /** The model repository's folder, or several. */
  readonly repository: string | readonly string[];
  /**
   * Triton's --model-control-mode. `explicit`: `load` and `unload` work; they are refused otherwise, so that nobody changes
   * what is served by accident. `poll`: what changes in the repository is followed. Absent: `none`.
   */
  readonly modelControlMode?: ModelControlMode;
  /** Seconds between two looks at the repository in mode `poll`; absent: 15. */
  readonly repositoryPollSecs?: number;
  /** Models to load at the start; absent: all. Models that an ensemble is made of come with it. */
  readonly models?: readonly string[];
  readonly logger?: Logger;
  /** Processor threads to share out among the instances of a model; absent: all that the process may use. */
  readonly threads?: number;
  /** Folder for what backends derive from models, e.g. weights shared by instances; absent: nothing is kept. */
  readonly cacheDirectory?: string;
  /** Reject `start` (and `open`) when a model fails to load; absent: false, it is listed UNAVAILABLE. */
  readonly exitOnError?: boolean;
  /** Whether the engine is ready only when all its models are; absent: true. */
  readonly strictReadiness?: boolean;
  /** Triton's --model-config-name: `configs/<name>.pbtxt` goes before config.pbtxt where a model has it. */
  readonly modelConfigName?: string;
  /** False is Triton's --disable-auto-complete-config; absent: true. */
  readonly autoCompleteConfig?: boolean;
  /** Triton's --backend-config: settings by backend, those of '' for all. */
  readonly backendConfig?: BackendSettings;
  /** What to keep of latencies for metrics, beyond totals; absent: nothing. */
  readonly latencyMetrics?: LatencyMetrics;
  /** Models loaded at the same time (absent: 4), and attempts after the first that fails (absent: 0). */
  readonly modelLoadThreadCount?: number;
  readonly modelLoadRetryCount?: number;
  /** Requests that may wait per model version where its config sets no limit; absent: 10,000. */
  readonly maxQueueSize?: number;
  /** Bytes of inputs that may wait per model version; absent: 512 MiB. */
  readonly maxQueueBytes?: number;
  /** Backends by the config's `backend`, beside and before the built-in ones. */
  readonly backends?: Readonly<Record<string, Backend>>;
  /** Bytes of responses to keep for models that opt in by `response_cache`; absent or 0: none are kept. */
  readonly responseCacheBytes?: number;
  /** Triton's `--rate-limit=execution_count` with its resources; absent: off. */
  readonly rateLimit?: { readonly resources: readonly ResourceLimit[] };
  readonly clock?: Clock;
}

export type ModelControlMode = 'none' | 'poll' | 'explicit';

/** What freeing gets at least, when finishing has taken all the time; ms. */
const leastFreeingMs = 1000;

type Stage = 'created' | 'starting' | 'running' | 'failed' | 'stopping' | 'stopped';

/** Loads the models of a repository and runs inference on them, without any network protocol. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #logger: Logger;
  readonly #catalogue = new Catalogue();
  readonly #customMetrics = new CustomMetrics();
  readonly #lifecycle: Lifecycle;
  readonly #poll: Poll | undefined;
  #stage: Stage = 'created';
  #inFlight = 0;
  #idle: (() => void) | undefined;
  #closed: Promise<boolean> | undefined;

  private constructor(options: EngineOptions) {
    this.#options = options;
    this.#logger = options.logger ?? createLogger('warn');
    const clock = options.clock ?? systemClock;
    const roots = [options.repository].flat();
    const backendSettings = options.backendConfig ?? {};
    this.#lifecycle = new Lifecycle(new Repositories(roots), this.#catalogue, {
      read: readOptions(options),
      loadThreads: options.modelLoadThreadCount ?? 4,
      loadRetries: options.modelLoadRetryCount ?? 0,
      backendSettings,
      latencyMetrics: options.latencyMetrics ?? {},
      backends: { ...builtInBackends, ...options.backends },
      threads: Math.max(1, options.threads ?? availableParallelism()),
      cacheDirectory: options.cacheDirectory,
      maxQueueSize: options.maxQueueSize ?? 10_000,
      maxQueueBytes: options.maxQueueBytes ?? 512 * 1024 * 1024,
      clock,
      logger: this.#logger,
      find: (name, version) => this.#catalogue.findNumber(name, version),
      cache: options.responseCacheBytes ? new ResponseCache(options.responseCacheBytes) : undefined,
      limiter: options.rateLimit && new RateLimiter(options.rateLimit.resources),
      // Models call each other while the engine drains, too: what is under way may need it.
      server: {
        infer: async (request) => this.#infer(request),
        stream: (request, onResponse) => this.#stream(request, onResponse),
        isModelReady: (name, version) => this.isModelReady(name, version),
        load: (name, overrides) => this.load(name, overrides),
        unload: (name, options) => this.unload(name, options),
        metrics: this.#customMetrics,
      },
    });
    if (options.modelControlMode === 'poll') {
      this.#poll = new Poll({
        roots,
        seconds: options.repositoryPollSecs ?? 15,
        refresh: () => this.#lifecycle.refresh(),
        clock,
        logger: this.#logger,
      });
    }
  }

  /** An engine that has loaded nothing yet: not live, not ready; every look-up fails. */
  static create(options: EngineOptions): Engine {
    return new Engine(options);
  }

  /** `create`, then `start`. */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = Engine.create(options);
    await engine.start();
    return engine;
  }

  /**
   * Loads and warms up the models. A model that fails is listed UNAVAILABLE with its reason, or, with `exitOnError`,
   * closes the engine and rejects with MODEL_LOAD_FAILED that gives every reason. Rejects also when the repository
   * cannot be opened or lacks one of `models`.
   */
  async start(): Promise<void> {
    if (this.#stage !== 'created')
      throw new ConchError('INTERNAL', `the engine was started already: it is ${this.#stage}`);
    this.#stage = 'starting';
    try {
      await this.#lifecycle.start(this.#options.models);
      this.#refuseFaults();
    } catch (error) {
      if (this.#isStopping()) throw stopping();
      this.#stage = 'failed';
      await this.#free();
      throw error;
    }
    if (this.#isStopping()) throw stopping();
    this.#stage = 'running';
    this.#poll?.start();
  }

  /** Up, and neither starting nor shutting down. */
  isLive(): boolean {
    return this.#stage === 'running';
  }

  /** Live, and, with strict readiness, every model that was asked for is ready. */
  isReady(): boolean {
    if (this.#options.strictReadiness === false) return this.isLive();
    return this.isLive() && this.#catalogue.all().every((model) => !model.wanted || model.healthy);
  }

  /**
   * False: loaded, but none of its instances is healthy, or one says that it is not ready (Python models have a function
   * for that, which takes a promise). Throws MODEL_NOT_FOUND or MODEL_NOT_READY.
   */
  isModelReady(name: string, version?: string): boolean | Promise<boolean> {
    return this.#find(name, version).checkReady();
  }

  /**
   * Runs a request. Rejects with REQUEST_INVALID when it does not fit the model, MODEL_NOT_FOUND, MODEL_NOT_READY,
   * QUEUE_FULL, QUEUE_TIMEOUT, REQUEST_CANCELLED, EXECUTION_FAILED or SERVER_STOPPING. An abort of `request.signal`
   * takes effect while the request waits; what runs is finished.
   */
  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    this.#refuseWhenStopping(request);
    return this.#infer(request);
  }

  /**
   * `infer` for who asks for one thing at a time: a model that can runs here and now, without waiting for what else might
   * come to share a batch. Then there is no promise, and what it would reject with is thrown.
   */
  answer(request: InferenceRequest): InferenceResponse | Promise<InferenceResponse> {
    this.#refuseWhenStopping(request);
    return this.#infer(request, true);
  }

  /**
   * Runs a request of any model, decoupled ones included. Rejects as `infer` does when the request is refused before it
   * is queued; afterwards everything comes as an event, failures too, and it resolves after the final one.
   */
  async stream(request: InferenceRequest, onResponse: (event: ResponseEvent) => void): Promise<void> {
    this.#refuseWhenStopping(request);
    await this.#stream(request, onResponse);
  }

  #infer(request: InferenceRequest, atOnce = false): InferenceResponse | Promise<InferenceResponse> {
    const served = this.#find(request.model, request.version);
    this.#inFlight += 1;
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = served.infer(request, atOnce);
    } catch (thrown) {
      this.#left();
      throw thrown;
    }
    if (outcome instanceof Promise) {
      return outcome.then((answer) => named(served, request, answer)).finally(() => this.#left());
    }
    this.#left();
    return named(served, request, outcome);
  }

  async #stream(request: InferenceRequest, onResponse: (event: ResponseEvent) => void): Promise<void> {
    const served = this.#find(request.model, request.version);
    this.#inFlight += 1;
    try {
      await served.stream(request, ({ response, final }) => {
        const failed = response === undefined || response instanceof ConchError;
        onResponse({ response: failed ? response : named(served, request, response), final });
      });
    } finally {
      this.#left();
    }
  }

  /** While the engine stops, sequences that have begun may still come to their end. */
  #refuseWhenStopping(request: InferenceRequest): void {
    if (!this.#isStopping()) return;
    if (this.#stage === 'stopped' || !this.#catalogue.find(request.model, request.version).continues(request)) {
      throw stopping();
    }
  }

  #left(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#idle?.();
  }

  /** Whether the model may answer a request with any number of responses, which only `stream` carries. */
  isDecoupled(name: string, version?: string): boolean {
    return this.#find(name, version).decoupled;
  }

  metadata(name: string, version?: string): ModelMetadata {
    const served = this.#find(name, version);
    const versions = version ? [served.version] : [...this.#catalogue.get(name)!.ready.keys()];
    return metadataOf(served.config, versions);
  }

  /** The config as completed at load. */
  config(name: string, version?: string): ModelConfig {
    return this.#find(name, version).config;
  }

  /** One row per version, and one for each model without any; by name, then version. */
  index(): ModelIndexEntry[] {
    return this.#catalogue.all().flatMap((model) => model.index());
  }

  /** Of all ready versions, or of those that are named; an unknown name or version is REQUEST_INVALID, as in Triton. */
  statistics(name?: string, version?: string): ModelStatistics[] {
    return this.#served(name, version).map((served) => served.counters().statistics);
  }

  /** What the metrics page shows of every ready version. */
  counters(): ModelCounters[] {
    return this.#served().map((served) => served.counters());
  }

  /** The metrics that models keep themselves. */
  customMetrics(): CustomMetricFamily[] {
    return this.#customMetrics.families();
  }

  /** The class labels of an output, where its config or, for an ensemble, that of the producing model has a label file. */
  labels(name: string, output: string, version?: string): readonly string[] | undefined {
    const { labels } = this.#find(name, version);
    return Object.hasOwn(labels, output) ? labels[output] : undefined;
  }

  /**
   * Loads a model, or its changes, or what `overrides` give in place of what is on disk; rejects with the reason, and what
   * served before goes on serving. NOT_SUPPORTED (UNAVAILABLE) outside of mode `explicit`.
   */
  async load(name: string, overrides?: LoadOverrides): Promise<void> {
    this.#refuseControl(name);
    await this.#lifecycle.load(name, overrides);
  }

  /**
   * Takes a model out of service. Requests that it has are finished; the call does not wait for them. With `dependents`
   * its members go too that were loaded only for it. NOT_SUPPORTED (UNAVAILABLE) outside of mode `explicit`.
   */
  async unload(name: string, options: { readonly dependents?: boolean } = {}): Promise<void> {
    this.#refuseControl(name);
    await this.#lifecycle.unload(name, options.dependents);
  }

  /** In mode `poll`, looks at the repository now; resolves when the models are in line with it. */
  async poll(): Promise<void> {
    await this.#poll?.look();
  }

  #refuseControl(name: string): void {
    if (this.#isStopping()) throw stopping();
    const { modelControlMode: mode = 'none' } = this.#options;
    if (mode === 'explicit') return;
    throw new ConchError(
      'NOT_SUPPORTED',
      `model '${name}' cannot be loaded or unloaded by request: the server's model control mode is ${mode}`,
      { status: 'UNAVAILABLE', fix: 'start it with --model-control-mode=explicit' },
    );
  }

  /** Whether sequences have begun that have not ended. */
  holdsSequences(): boolean {
    return this.#served().some((served) => served.holdsSequences());
  }

  /**
   * Takes no work from now on but the rest of sequences that have begun. Resolves when these are over: true; or after
   * `timeoutMs`: false.
   */
  async finishSequences(timeoutMs: number): Promise<boolean> {
    if (this.#stage === 'stopped') return true;
    return this.#within(this.#sequencesOver(), timeoutMs);
  }

  /**
   * Stops accepting, lets what is in flight finish, frees everything. Sequences that have begun may go on to their end.
   * False when something had to be broken off after `timeoutMs` (30,000), or has not ended a second after that.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    this.#closed ??= this.#close(options.timeoutMs ?? 30_000);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<boolean> {
    const clock = this.#options.clock ?? systemClock;
    const deadline = clock.now() + timeoutMs;
    const over = this.#sequencesOver().then(() => this.#allAnswered());
    const drained = await this.#within(over, timeoutMs);
    // A load under way, or an instance that does not end, must not hold up the end for ever.
    const freed = await this.#within(this.#free(), Math.max(leastFreeingMs, deadline - clock.now()));
    this.#stage = 'stopped';
    return drained && freed;
  }

  async #sequencesOver(): Promise<void> {
    this.#stage = 'stopping';
    const serving = this.#catalogue.all().flatMap((model) => [...model.ready.values()]);
    await Promise.all(serving.map((served) => served.finishSequences()));
  }

  #allAnswered(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** True when `done` is, false after `timeoutMs`. */
  #within(done: Promise<void>, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const giveUp = (this.#options.clock ?? systemClock).after(timeoutMs, () => resolve(false));
      done.finally(giveUp).then(() => resolve(true), reject);
    });
  }

  async #free(): Promise<void> {
    await this.#poll?.stop();
    const serving = this.#catalogue.all().flatMap((model) => [...model.ready.values()]);
    await Promise.all([this.#lifecycle.stop(), ...serving.map((served) => served.abandon())]);
    await this.#lifecycle.dispose();
  }

  #isStopping(): boolean {
    return this.#stage === 'stopping' || this.#stage === 'stopped';
  }

  #refuseFaults(): void {
    const faults = this.#catalogue.all().flatMap((model) => (model.fault ? [model.fault] : []));
    if (!this.#options.exitOnError || faults.length === 0) return;
    const reasons = faults.map((fault) => `\n- ${fault}`).join('');
    throw new ConchError('MODEL_LOAD_FAILED', `${faults.length} of the models failed to load:${reasons}`, {
      cause: faults[0],
    });
  }

  #find(name: string, version?: string): ServedVersion {
    if (this.#stage === 'created' || this.#stage === 'starting') {
      const ready = this.#catalogue.get(name)?.newest;
      if (!ready) throw new ConchError('MODEL_NOT_READY', `model '${name}' is not ready: the server is still starting`);
    }
    return this.#catalogue.find(name, version);
  }

  #served(name?: string, version?: string): ServedVersion[] {
    if (name === undefined || name === '') return this.#catalogue.all().flatMap((model) => [...model.ready.values()]);
    const model = this.#catalogue.get(name);
    const served = [...(model?.ready.values() ?? [])].filter(
      (candidate) => !version || String(candidate.version) === version,
    );
    if (served.length > 0) return served;
    throw new ConchError(
      'REQUEST_INVALID',
      `no statistics: model '${name}'${version ? ` version ${version}` : ''} is not ready or not known`,
    );
  }
}

function named(served: ServedVersion, { id }: InferenceRequest, response: BackendResponse): InferenceResponse {
  const { outputs, parameters } = response;
  const answer = { model: served.name, version: String(served.version), id, outputs };
  return parameters ? { ...answer, parameters } : answer;
}

function stopping(): ConchError {
  return new ConchError('SERVER_STOPPING', 'the server is shutting down and takes no new work');
}

/** The flags that decide what a model's configuration is. Only the ONNX backend looks at a default batch size. */
function readOptions({ autoCompleteConfig, backendConfig = {}, modelConfigName }: EngineOptions): ReadOptions {
  const setting = 'default-max-batch-size';
  const text = backendConfig.onnxruntime?.[setting] ?? backendConfig['']?.[setting];
  const size = Number(text);
  if (text !== undefined && !(/^\d+$/.test(text) && size < 2 ** 31)) {
    throw new ConchError('USAGE', `--backend-config: ${setting} is a whole number, got '${text}'`);
  }
  return {
    configName: modelConfigName,
    ...(autoCompleteConfig === false && { autoComplete: false }),
    ...(text !== undefined && { defaultMaxBatchSize: size }),
  };
}
