import { bytesOf, type Tensor } from '../../tensor/index.ts';
import type { InferenceResponse } from '../inference.ts';
import { elementsToJson, parametersToJson } from './json-writer.ts';
import type { EncodedBody, OutputEncodings, SharedMemoryPart } from './message.ts';
import { assemble } from './request-encode.ts';
import { quotedName } from './text.ts';

/**
 * Encodes the answer to POST .../infer. Binary outputs are not copied; those in shared memory have been written there
 * before. Throws REQUEST_INVALID where FP16 or BF16 would have to travel as JSON.
 */
export function encodeInferResponse(response: InferenceResponse, encodings: OutputEncodings): EncodedBody {
  const binary: Uint8Array[] = [];
  let json = response.id ? `{"id":${JSON.stringify(response.id)},` : '{';
  json += `"model_name":${quotedName(response.model)},"model_version":"${response.version}"`;
  const { parameters } = response;
  if (parameters !== undefined) {
    const text = parametersToJson(parameters);
    if (text !== '{}') json += `,"parameters":${text}`;
  }
  json += ',"outputs":[';
  let separator = '';
  for (const output of response.outputs) {
    const encoding = typeof encodings === 'string' ? encodings : encodings.get(output.name);
    json += separator + outputToJson(output, encoding, binary);
    separator = ',';
  }
  json += ']}';
  return assemble(json, binary);
}

function outputToJson(
  output: Tensor,
  encoding: 'json' | 'binary' | SharedMemoryPart | undefined,
  binary: Uint8Array[],
): string {
  const head = `{"name":${quotedName(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join(',')}],`;
  // In shared memory: neither data nor parameters, as in Triton.
  if (typeof encoding === 'object') return `${head.slice(0, -1)}}`;
  if (encoding !== 'binary') return `${head}"data":[${output.data.length === 0 ? '' : elementsToJson(output)}]}`;
  const bytes = bytesOf(output);
  if (bytes.length > 0) binary.push(bytes);
  return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
}
