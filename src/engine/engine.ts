import type { Logger } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest, InferenceResponse, ModelIndexEntry, ModelMetadata } from '../protocol/index.ts';
import type { ModelCounters, ModelStatistics } from './statistics.ts';

export interface EngineOptions {
  /** The model repository's folder. */
  readonly repository: string;
  /** Models to load at the start; absent: all. Models that an ensemble is made of come with it. */
  readonly models?: readonly string[];
  readonly logger?: Logger;
  /** Processor threads to share out among the instances of a model; absent: all that the process may use. */
  readonly threads?: number;
  /** Reject `start` (and `open`) when a model fails to load; absent: false, it is listed UNAVAILABLE. */
  readonly exitOnError?: boolean;
  /** Requests that may wait per model where its config sets no limit; absent: 10,000. */
  readonly maxQueueSize?: number;
  /** Bytes of inputs that may wait per model; absent: 512 MiB. */
  readonly maxQueueBytes?: number;
}

/** Loads the models of a repository and runs inference on them, without any network protocol. */
export class Engine {
  /** `create`, then `start`. */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = Engine.create(options);
    await engine.start();
    return engine;
  }
  /** An engine that has loaded nothing yet: not live, not ready; every look-up fails. */
  static create(_options: EngineOptions): Engine {
    throw new Error('not built yet');
  }
  start(): Promise<void> {
    throw new Error('not built yet');
  }
  isLive(): boolean {
    throw new Error('not built yet');
  }
  isReady(): boolean {
    throw new Error('not built yet');
  }
  /** False: loaded, but no instance of it is healthy. Throws MODEL_NOT_FOUND or MODEL_NOT_READY. */
  isModelReady(_name: string, _version?: string): boolean {
    throw new Error('not built yet');
  }
  infer(_request: InferenceRequest): Promise<InferenceResponse> {
    throw new Error('not built yet');
  }
  metadata(_name: string, _version?: string): ModelMetadata {
    throw new Error('not built yet');
  }
  config(_name: string, _version?: string): ModelConfig {
    throw new Error('not built yet');
  }
  index(): ModelIndexEntry[] {
    throw new Error('not built yet');
  }
  statistics(_name?: string, _version?: string): ModelStatistics[] {
    throw new Error('not built yet');
  }
  /** What the metrics page shows of every ready version. */
  counters(): ModelCounters[] {
    throw new Error('not built yet');
  }
  labels(_name: string, _output: string, _version?: string): string[] | undefined {
    throw new Error('not built yet');
  }
  load(_name: string): Promise<void> {
    throw new Error('not built yet');
  }
  unload(_name: string): Promise<void> {
    throw new Error('not built yet');
  }
  /** Stops accepting, lets what is in flight finish, frees everything. True when all finished within `timeoutMs` (30,000). */
  close(_options?: { readonly timeoutMs?: number }): Promise<boolean> {
    throw new Error('not built yet');
  }
}
