import type { ConchError, Logger } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { Tensor } from '../tensor/index.ts';

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
  readonly logger: Logger;
}

export interface LoadedModel {
  readonly facts: BackendFacts;
  /** `onLost` is called at most once, when the instance died by itself; what it held has then been rejected. */
  createInstance(name: string, onLost: (error: ConchError) => void): Promise<BackendInstance>;
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
}

export interface BackendInstance {
  /** Rejects when the batch failed as a whole, e.g. because the instance died. */
  run(batch: Batch): Promise<BatchResult>;
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
}

export interface Batch {
  readonly requests: readonly BatchRequest[];
  readonly rows: number;
}

export interface BatchResult {
  /** One per request, in order: its outputs in the order asked for, or why it alone failed. */
  readonly responses: readonly (readonly Tensor[] | ConchError)[];
  /** Nanoseconds: forming the inputs, running, taking the outputs apart. */
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
}
