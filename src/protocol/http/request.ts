import { ConchError } from '../../base/index.ts';
import type { InferenceRequest } from '../inference.ts';
import type { EncodedBody, HttpInferenceRequest, TensorEncoding } from './message.ts';

export interface InferTarget {
  readonly model: string;
  /** Decimal text; absent: the newest ready version. */
  readonly version?: string | undefined;
}

export function decodeInferRequest(
  _body: Uint8Array,
  _headerLength: number | undefined,
  _target: InferTarget,
): HttpInferenceRequest {
  throw new ConchError('INTERNAL', 'not built yet');
}

export function encodeInferRequest(
  _request: InferenceRequest,
  _options: { readonly inputs?: TensorEncoding; readonly outputs?: TensorEncoding } = {},
): EncodedBody {
  throw new ConchError('INTERNAL', 'not built yet');
}
