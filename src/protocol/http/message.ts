import type { InferenceRequest } from '../inference.ts';

export type TensorEncoding = 'json' | 'binary';

/** How outputs go out: one encoding for all, or the one that the request gives for each listed output. */
export type OutputEncodings = TensorEncoding | ReadonlyMap<string, TensorEncoding>;

/** A decoded POST .../infer: the request, and what it asks of the answer's form. */
export interface HttpInferenceRequest extends InferenceRequest {
  readonly outputEncodings: OutputEncodings;
}

/** A message body: the JSON header, then tensor bytes. */
export interface EncodedBody {
  /** Pieces in order; text is UTF-8. Without binary tensors there is one, the JSON text. */
  readonly parts: readonly (string | Uint8Array)[];
  /** Bytes of all parts together. */
  readonly byteLength: number;
  /** Value of `Inference-Header-Content-Length`; undefined: there is no binary section and the whole body is JSON. */
  readonly headerLength: number | undefined;
}
