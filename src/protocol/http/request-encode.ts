import { bytesOf, type Tensor } from '../../tensor/index.ts';
import {
  isShared,
  type OutgoingOutput,
  type OutgoingRequest,
  type SharedTensor,
  sharedParameters,
} from '../outgoing.ts';
import { elementsToJson, parametersToJson } from './json-writer.ts';
import type { EncodedBody, TensorEncoding } from './message.ts';
import { textByteLength } from './text.ts';

export interface EncodeOptions {
  /** How inputs travel; default binary. */
  readonly inputs?: TensorEncoding;
  /** How outputs are asked to travel; default binary. */
  readonly outputs?: TensorEncoding;
}

/** Encodes the body of POST .../infer. Binary tensors are not copied. Throws REQUEST_INVALID for FP16 and BF16 as JSON. */
export function encodeInferRequest(request: OutgoingRequest, options: EncodeOptions = {}): EncodedBody {
  const binary: Uint8Array[] = [];
  const asBinary = options.inputs !== 'json';
  const outputsAsBinary = options.outputs !== 'json';
  const inputs = request.inputs.map((input) => inputToJson(input, asBinary, binary));
  const listed = request.outputs !== undefined && request.outputs.length > 0;
  const parameters = requestParameters(request, outputsAsBinary && !listed);

  let json = '{';
  if (request.id) json += `"id":${JSON.stringify(request.id)},`;
  if (parameters !== '{}') json += `"parameters":${parameters},`;
  json += `"inputs":[${inputs.join(',')}]`;
  if (listed) {
    json += `,"outputs":[${request.outputs.map((output) => outputToJson(output, outputsAsBinary)).join(',')}]`;
  }
  json += '}';
  return assemble(json, binary);
}

/** A body of `json` and the tensors that follow it. */
export function assemble(json: string, binary: readonly Uint8Array[]): EncodedBody {
  const jsonLength = textByteLength(json);
  let byteLength = jsonLength;
  for (const part of binary) byteLength += part.byteLength;
  return { json, binary, jsonLength, byteLength };
}

function inputToJson(tensor: Tensor | SharedTensor, asBinary: boolean, binary: Uint8Array[]): string {
  const head = `{"name":${JSON.stringify(tensor.name)},"shape":[${tensor.shape.join(',')}],"datatype":"${tensor.datatype}",`;
  if (isShared(tensor)) return `${head}"parameters":${parametersToJson(sharedParameters(tensor.sharedMemory))}}`;
  if (!asBinary) return `${head}"data":[${elementsToJson(tensor)}]}`;
  const bytes = bytesOf(tensor);
  if (bytes.length > 0) binary.push(bytes);
  return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
}

function outputToJson({ name, classification, sharedMemory }: OutgoingOutput, asBinary: boolean): string {
  if (sharedMemory) {
    return `{"name":${JSON.stringify(name)},"parameters":${parametersToJson(sharedParameters(sharedMemory))}}`;
  }
  const classes = classification ? `,"classification":${classification}` : '';
  return `{"name":${JSON.stringify(name)},"parameters":{"binary_data":${asBinary}${classes}}}`;
}

function requestParameters(request: OutgoingRequest, binaryOutputs: boolean): string {
  const { sequence, priority, timeoutMicroseconds } = request;
  return parametersToJson({
    ...request.parameters,
    ...(sequence && { sequence_id: sequence.id, sequence_start: sequence.start, sequence_end: sequence.end }),
    ...(priority !== undefined && { priority }),
    ...(timeoutMicroseconds !== undefined && { timeout: timeoutMicroseconds }),
    ...(binaryOutputs && { binary_data_output: true }),
  });
}
