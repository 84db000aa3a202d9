import { ConchError } from '../../base/index.ts';
import type { InferenceResponse } from '../inference.ts';
import type { EncodedBody, OutputEncodings } from './message.ts';

export function encodeInferResponse(_response: InferenceResponse, _encodings: OutputEncodings): EncodedBody {
  throw new ConchError('INTERNAL', 'not built yet');
}

export function decodeInferResponse(_body: Uint8Array, _headerLength: number | undefined): InferenceResponse {
  throw new ConchError('INTERNAL', 'not built yet');
}
