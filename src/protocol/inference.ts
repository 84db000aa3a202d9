import type { ConchError } from '../base/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** Values that custom and standard request parameters may take in the v2 protocol. */
export type ParameterValue = string | number | bigint | boolean;

/** What a client asks of a model, free of any wire format. Tensor shapes include the batch dimension. */
export interface InferenceRequest {
  readonly model: string;
  /** Decimal text; absent or empty means the newest ready version. */
  readonly version?: string | undefined;
  readonly id?: string | undefined;
  readonly inputs: readonly Tensor[];
  /** Outputs wanted; absent or empty means all that the configuration lists. */
  readonly outputs?: readonly RequestedOutput[] | undefined;
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
  /** Of requests to models that keep state between requests. */
  readonly sequence?: SequencePosition | undefined;
  /** 1 is the most urgent; 0 or absent is the model's default level. */
  readonly priority?: number | undefined;
  /** Queue timeout in microseconds; 0 or absent is the model's default. */
  readonly timeoutMicroseconds?: number | undefined;
  /** Aborted when the client goes away; frees the request's place in the queue. */
  readonly signal?: AbortSignal | undefined;
  /** Present where the request is one of those that are traced. */
  readonly trace?: RequestTrace | undefined;
}

/** Where a traced request leaves what happens to it, under Triton's names. Times are nanoseconds of one clock. */
export interface RequestTrace {
  /** Which version took the request. */
  begin(model: string, version: number): void;
  stamp(name: string, ns: number): void;
  /** Kept only where tensors are traced. */
  tensor(activity: string, tensor: Tensor): void;
  /** For a request that this one makes, as an ensemble does for its steps. */
  child(): RequestTrace;
}

/** Which sequence a request belongs to, and whether it opens or closes it. */
export interface SequencePosition {
  /** A number or bigint for integer correlation IDs, text for string ones; 0 and '' mean no sequence. */
  readonly id: number | bigint | string;
  readonly start: boolean;
  readonly end: boolean;
}

export interface RequestedOutput {
  readonly name: string;
  /** Return the top N classes as text instead of the tensor (classification extension); 0 or absent: off. */
  readonly classification?: number | undefined;
}

export interface InferenceResponse {
  readonly model: string;
  readonly version: string;
  readonly id?: string | undefined;
  readonly outputs: readonly Tensor[];
  readonly parameters?: Readonly<Record<string, ParameterValue>> | undefined;
}

/** One of the responses to a request: models that are decoupled give any number of them, all others exactly one. */
export interface ResponseEvent {
  /** Undefined: the empty one that only says that the request is done. */
  readonly response: InferenceResponse | ConchError | undefined;
  /** Nothing follows. */
  readonly final: boolean;
}

/** A tensor as metadata describes it; shapes have a leading -1 where the model batches. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export type ModelState = 'UNKNOWN' | 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';

/** A row of the repository index; a model that was never loaded has only a name. */
export interface ModelIndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state?: ModelState;
  readonly reason?: string;
}
