import type { ModelConfig } from '../config/index.ts';
import type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelStatistics,
  ServerMetadata,
} from '../protocol/index.ts';

/**
 * A server that speaks Triton's protocol, whichever wire it is reached over: what most applications need of it. Every
 * call may throw SERVER_UNREACHABLE (no connection, or broken), DEADLINE_EXCEEDED (no answer in time), SERVER_ERROR (the
 * server's own words, with its status) or REQUEST_CANCELLED (the signal). A signal of `AbortSignal.timeout` is a deadline.
 */
export interface InferenceClient {
  /** The server's address without path or credentials. */
  readonly url: string;
  isLive(signal?: AbortSignal): Promise<boolean>;
  isReady(signal?: AbortSignal): Promise<boolean>;
  /** False for unknown and for unready models alike. */
  isModelReady(name: string, version?: string, signal?: AbortSignal): Promise<boolean>;
  serverMetadata(signal?: AbortSignal): Promise<ServerMetadata>;
  modelMetadata(name: string, version?: string, signal?: AbortSignal): Promise<ModelMetadata>;
  /** The configuration in force, completed with the server's defaults. */
  modelConfig(name: string, version?: string, signal?: AbortSignal): Promise<ModelConfig>;
  index(signal?: AbortSignal): Promise<ModelIndexEntry[]>;
  /** Of one model version, of all versions of a model, or of all models. */
  statistics(name?: string, version?: string, signal?: AbortSignal): Promise<ModelStatistics[]>;
  /** `request.signal` cancels; the request is then cancelled on the server too. */
  infer(request: InferenceRequest): Promise<InferenceResponse>;
  /** Ends idle connections; calls under way fail. */
  close(): Promise<void>;
}
