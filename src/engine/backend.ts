import type { ConchError, Logger } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest, InferenceResponse, ParameterValue, ResponseEvent } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { CustomMetrics } from './custom-metrics.ts';
import type { LoadOverrides } from './overrides.ts';

/**
 * What runs models of one kind. Everything above (queues, batchers, ensembles, lifecycle) knows backends only through
 * this file.
 */
export interface Backend {
  /** Gets a version ready to be instantiated; throws MODEL_LOAD_FAILED or NOT_SUPPORTED when it cannot be run. */
  load(source: ModelSource): Promise<LoadedModel>;
}

/** One version of a model on disk, and what it may use. */
export interface ModelSource {
  readonly name: string;
  readonly version: number;
  /** Completed and validated. */
  readonly config: ModelConfig;
  /** The version's folder, absolute. */
  readonly dir: string;
  /** Files below `dir` with their sizes in bytes. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Processor threads for all instances of the model together. */
  readonly threads: number;
  /** What `--backend-config` says to this backend. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder for what a backend derives from models and may find again at the next start; absent: nothing is kept. */
  readonly cacheDirectory?: string | undefined;
  readonly logger: Logger;
  /** The engine that the model is part of, for models that call other models. */
  readonly server: EngineAccess;
}

/** What a model may ask of the engine that runs it (Triton's business logic scripting); errors as the engine's own. */
export interface EngineAccess {
  infer(request: InferenceRequest): Promise<InferenceResponse>;
  stream(request: InferenceRequest, onResponse: (event: ResponseEvent) => void): Promise<void>;
  isModelReady(name: string, version?: string): boolean | Promise<boolean>;
  load(name: string, overrides?: LoadOverrides): Promise<void>;
  unload(name: string, options?: { readonly dependents?: boolean }): Promise<void>;
  /** Where models keep metrics of their own. */
  readonly metrics: CustomMetrics;
}

export interface LoadedModel {
  readonly facts: BackendFacts;
  /** `onLost` is called at most once, when the instance died by itself; what it held has then been rejected. */
  createInstance(name: string, onLost: (error: ConchError) => void): Promise<BackendInstance>;
  /**
   * How many instances another `instance_group` asks for, where that can be had without loading the model again; absent:
   * it cannot.
   */
  resize?(config: ModelConfig): number;
  /** Frees what the instances shared; called once, after all of them are closed. */
  close(): Promise<void>;
}

/** What schedulers may build on. */
export interface BackendFacts {
  /** Instances to make; a backend that runs inline needs only one, whatever the config says. */
  readonly instances: number;
  /** Batches that one instance may be given at the same time: more than 1 only if it is thread-safe. */
  readonly concurrency: number;
  /** Runs on the event loop, so a batch costs no hop to a thread but nothing else happens meanwhile. */
  readonly inline: boolean;
  /** Rows of a batch share one tensor, so their shapes must agree; false: each request is run as it is. */
  readonly padded: boolean;
  /** Takes text only, UTF-8 without NUL; other bytes would reach the model changed. */
  readonly plainText?: boolean;
  /**
   * A model is code of its author's, which may wait, fail or act on what it is given: it is warmed up with what its config
   * says, not with zeros that nobody sent.
   */
  readonly ownCode?: boolean;
  /**
   * As Triton's Python backend reports it (`pb_metric_reporter.cc`): a batch counts as executed whatever became of it, and
   * a request that the model itself answers by an error counts as a success. Responses are not counted one by one.
   */
  readonly errorsAreAnswers?: boolean;
}

export interface BackendInstance {
  /** Rejects when the batch failed as a whole, e.g. because the instance died. */
  run(batch: Batch): Promise<BatchResult>;
  /**
   * `run` without waiting, where the instance never waits for anything: what would reject is thrown. Only while nothing
   * else runs on the instance, and not for decoupled models.
   */
  readonly runNow?: ((batch: Batch) => BatchResult) | undefined;
  /** What the model itself says of its readiness, where it says anything; absent: it is ready as long as it lives. */
  ready?(): Promise<boolean>;
  /** Lets the current batch finish or breaks it off, whatever is safe, then frees the instance. */
  close(): Promise<void>;
}

/** One request's share of a batch. */
export interface BatchRequest {
  /** In the order of the config, absent optional ones left out; shapes as the model takes them, batch dimension first. */
  readonly inputs: readonly Tensor[];
  /** Rows along the batch dimension; 1 for a model that has none. */
  readonly rows: number;
  /** Outputs to return, in this order. */
  readonly outputs: readonly string[];
  readonly context: RequestContext;
}

/** What a request says beyond its tensors. */
export type RequestContext = Pick<
  InferenceRequest,
  'id' | 'sequence' | 'priority' | 'timeoutMicroseconds' | 'parameters' | 'signal'
>;

export interface Batch {
  readonly requests: readonly BatchRequest[];
  readonly rows: number;
  /**
   * How the model answers where it is decoupled, and only there: any number of responses for the request at `index`, at
   * any time until its final one, also after `run` is done.
   */
  readonly emit?: (index: number, event: BackendEvent) => void;
}

/** A model's answer. */
export interface BackendResponse {
  /** In the order asked for. */
  readonly outputs: readonly Tensor[];
  /** Said to the client beside the outputs. */
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
}

/** One of a decoupled model's answers to a request. */
export interface BackendEvent {
  /** Undefined: nothing but the news that the request is done. */
  readonly response: BackendResponse | ConchError | undefined;
  readonly final: boolean;
}

export interface BatchResult {
  /** One per request, in order: its answer, or why it alone failed; undefined for those answered by `emit`. */
  readonly responses: readonly (BackendResponse | ConchError | undefined)[];
  /**
   * Requests that the model is not done with, by index: they are to be run again, and what it says of them here is not
   * their end. Only for models with `iterative_sequence` (Triton's TRITONSERVER_REQUEST_RELEASE_RESCHEDULE).
   */
  readonly rescheduled?: ReadonlySet<number>;
  /** Nanoseconds: forming the inputs, running, taking the outputs apart. */
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
}
