import { bytesOf, type Tensor } from '../../tensor/index.ts';
import type { InferenceResponse } from '../inference.ts';
import { elementsToJson, parametersToJson } from './json-writer.ts';
import type { EncodedBody, OutputEncodings } from './message.ts';
import { assemble } from './request-encode.ts';

/**
 * Encodes the answer to POST .../infer. Binary outputs are not copied. Throws REQUEST_INVALID where FP16 or BF16 would
 * have to travel as JSON.
 */
export function encodeInferResponse(response: InferenceResponse, encodings: OutputEncodings): EncodedBody {
  const binary: Uint8Array[] = [];
  let json = response.id ? `{"id":${JSON.stringify(response.id)},` : '{';
  json += `"model_name":${JSON.stringify(response.model)},"model_version":"${response.version}"`;
  const { parameters } = response;
  if (parameters !== undefined) {
    const text = parametersToJson(parameters);
    if (text !== '{}') json += `,"parameters":${text}`;
  }
  json += ',"outputs":[';
  let separator = '';
  for (const output of response.outputs) {
    const encoding = typeof encodings === 'string' ? encodings : encodings.get(output.name);
    json += separator + outputToJson(output, encoding === 'binary', binary);
    separator = ',';
  }
  json += ']}';
  return assemble(json, binary);
}

function outputToJson(output: Tensor, asBinary: boolean, binary: Uint8Array[]): string {
  const head = `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join(',')}],`;
  if (!asBinary) return `${head}"data":[${output.data.length === 0 ? '' : elementsToJson(output)}]}`;
  const bytes = bytesOf(output);
  if (bytes.length > 0) binary.push(bytes);
  return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
}
