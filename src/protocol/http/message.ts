import type { InferenceRequest } from '../inference.ts';
import { bytesOfText } from './text.ts';

export type TensorEncoding = 'json' | 'binary';

/** Part of a shared memory region that a tensor lies in; bytes. */
export interface SharedMemoryPart {
  readonly region: string;
  readonly offset: number;
  readonly byteSize: number;
}

/** How outputs go out: one encoding for all, or the one that the request gives for each output that it lists. */
export type OutputEncodings = TensorEncoding | ReadonlyMap<string, TensorEncoding | SharedMemoryPart>;

/** A decoded POST .../infer: the request, and what it asks of the answer's form. */
export interface HttpInferenceRequest extends InferenceRequest {
  readonly outputEncodings: OutputEncodings;
}

/** A message body: JSON text, then the bytes of binary tensors. */
export interface EncodedBody {
  readonly json: string;
  /** In the order of the tensors; empty where all of them are in the JSON. */
  readonly binary: readonly Uint8Array[];
  /** UTF-8 bytes of `json`: the value of `Inference-Header-Content-Length` where there is a binary section. */
  readonly jsonLength: number;
  /** Bytes of everything together. */
  readonly byteLength: number;
}

/** Header that says where the JSON ends and tensor bytes begin. */
export const inferenceHeaderLength = 'Inference-Header-Content-Length';

/** The whole body in one piece. */
export function joinBody(body: EncodedBody): Uint8Array {
  const json = bytesOfText(body.json);
  if (body.binary.length === 0) return json;
  const out = new Uint8Array(body.byteLength);
  out.set(json);
  let offset = json.length;
  for (const part of body.binary) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
