import type { ModelConfig } from '../config/index.ts';
import type { IncomingResponse, OutgoingRequest } from '../protocol/index.ts';
import type { InferenceClient } from './inference-client.ts';

/** Everything that Triton's protocol has. Errors are those of `InferenceClient`. */
export interface TritonClient extends InferenceClient {
  /** Tensors may lie in shared memory; those that the answer has there are in `sharedOutputs`. */
  infer(request: InferRequest): Promise<IncomingResponse>;
  /**
   * All responses of a decoupled model, as they come; of any other model its one. gRPC carries every tensor
   * (ModelStreamInfer); HTTP has `generate_stream`, which carries values without shapes and no FP16 or BF16. Leaving the
   * iteration early cancels the request on the server.
   */
  stream(request: InferRequest): AsyncIterable<IncomingResponse>;
  /** Triton's `generate`: members named like inputs become tensors, the others parameters. One response. */
  generate(model: string, body: GenerateBody, options?: GenerateOptions): Promise<GenerateBody>;
  /** The same with any number of responses. */
  generateStream(model: string, body: GenerateBody, options?: GenerateOptions): AsyncIterable<GenerateBody>;
  /**
   * Loads a model, or loads it anew; resolves when it is ready. `config` and `files` stand in for what is in the
   * repository; `files` need `config`. Waits 10 minutes where `timeoutMs` does not say otherwise.
   */
  loadModel(name: string, options?: LoadOptions): Promise<void>;
  /** Does not wait for the model's last requests. */
  unloadModel(name: string, options?: UnloadOptions): Promise<void>;
  readonly systemSharedMemory: SystemSharedMemory;
  /** Of one model, or those of all models that have none of their own. */
  traceSettings(model?: string, signal?: AbortSignal): Promise<TraceSettings>;
  /** Changes what is given, null takes a setting back; answers all. */
  updateTraceSettings(
    changes: Readonly<Record<string, string | readonly string[] | null>>,
    model?: string,
    signal?: AbortSignal,
  ): Promise<TraceSettings>;
  logSettings(signal?: AbortSignal): Promise<LogSettings>;
  /** Changes what is given and answers all. */
  updateLogSettings(changes: Partial<LogSettings>, signal?: AbortSignal): Promise<LogSettings>;
}

/** An inference request with what concerns only the way there. */
export interface InferRequest extends OutgoingRequest {
  /** In place of the client's own; milliseconds. gRPC tells it to the server. */
  readonly timeoutMs?: number | undefined;
  /** Whether it may be sent again when it failed; default true, but never where it belongs to a sequence. */
  readonly idempotent?: boolean | undefined;
  /** Sent with this request, beside the client's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What `generate` takes and gives: plain JSON, by names of tensors and parameters. */
export type GenerateBody = Readonly<Record<string, unknown>>;

export interface GenerateOptions {
  readonly version?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface LoadOptions {
  readonly config?: ModelConfig | undefined;
  /** By path within the model's folder, e.g. `1/model.onnx`. */
  readonly files?: Readonly<Record<string, Uint8Array>> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UnloadOptions {
  /** Also the models that were loaded for it, as the steps of an ensemble. */
  readonly dependents?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** POSIX shared memory that the server, on the same machine and started with --allow-client-shm=true, maps too. */
export interface SystemSharedMemory {
  /** `key` names the object as `shm_open` does; sizes are bytes. */
  register(
    name: string,
    region: { readonly key: string; readonly byteSize: number; readonly offset?: number },
    signal?: AbortSignal,
  ): Promise<void>;
  /** One region, known or not, or all of them. */
  unregister(name?: string, signal?: AbortSignal): Promise<void>;
  status(name?: string, signal?: AbortSignal): Promise<SharedMemoryStatus[]>;
}

export interface SharedMemoryStatus {
  readonly name: string;
  readonly key: string;
  readonly offset: number;
  readonly byte_size: number;
}

/** By Triton's names; `trace_level` is a list, all others are texts. */
export type TraceSettings = Readonly<Record<string, string | readonly string[]>>;

export interface LogSettings {
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  readonly log_verbose_level: number;
  readonly log_format: string;
}

/** Loading reads, checks and warms up a model: more than any other call. */
export const loadTimeoutMs = 600_000;
