import { ConchError } from '../../base/index.ts';
import { bytesOf, createTensor, isDatatype, type Tensor, viewBytes } from '../../tensor/index.ts';
import type { SharedMemoryPart } from '../http/message.ts';
import type { InferenceResponse, ParameterValue } from '../inference.ts';
import type { IncomingResponse, SharedTensor } from '../outgoing.ts';
import { decodeContents } from './contents.ts';
import { withRaw, writeTensorHead } from './infer-request-encode.ts';
import { readShape, type Span } from './infer-request-read.ts';
import { readParameter, type WireParameters, writeParameters } from './parameters.ts';
import { WireReader, wireTypes } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const none = new Uint8Array(0);

/**
 * A ModelInferResponse as parts that follow each other: tensors always in raw_output_contents, large ones without a
 * copy. Outputs of `elsewhere` (shared memory) have an empty entry, as in Triton.
 */
export function encodeModelInferResponse(
  response: InferenceResponse,
  elsewhere?: { has(output: string): boolean } | undefined,
): Uint8Array[] {
  const writer = new WireWriter();
  writeHead(writer, response);
  const tensors = response.outputs.map((output) => (elsewhere?.has(output.name) ? none : bytesOf(output)));
  return withRaw(writer, tensors, 6);
}

/** A ModelStreamInferResponse around a response. */
export function encodeStreamResponse(
  response: InferenceResponse,
  elsewhere?: { has(output: string): boolean } | undefined,
): Uint8Array[] {
  const parts = encodeModelInferResponse(response, elsewhere);
  const writer = new WireWriter(16);
  writer.head(
    2,
    parts.reduce((total, part) => total + part.length, 0),
  );
  return [writer.bytes, ...parts];
}

/** What a failed request's ModelStreamInferResponse says beside the error. */
export interface FailedRequest {
  readonly id: string | undefined;
  /** Of a failure of the model itself: the model and version as asked for, and `triton_final_response`. */
  readonly model?: string;
  readonly version?: string | undefined;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
}

/** A ModelStreamInferResponse that carries an error. */
export function encodeStreamError(
  message: string,
  { id, model = '', version = '', parameters }: FailedRequest,
): Uint8Array[] {
  const writer = new WireWriter();
  writer.text(1, message);
  const start = writer.open(2);
  writeHead(writer, { model, version, id, outputs: [], parameters });
  writer.close(start);
  return [writer.bytes];
}

function writeHead(writer: WireWriter, { model, version, id, parameters, outputs }: InferenceResponse): void {
  if (model !== '') writer.text(1, model);
  if (version !== '') writer.text(2, version);
  if (id) writer.text(3, id);
  if (parameters) writeParameters(writer, 4, parameters);
  for (const { name, datatype, shape } of outputs) {
    const start = writer.open(5);
    writeTensorHead(writer, name, datatype, shape);
    writer.close(start);
  }
}

interface WireOutputTensor {
  name: string;
  datatype: string;
  readonly shape: number[];
  contents: Span[] | undefined;
}

/**
 * Decodes a server's ModelInferResponse. Tensors view `message` wherever their alignment allows. Throws SERVER_ERROR
 * when the answer is not what the protocol says. `places`: outputs that the request wanted in shared memory.
 */
export function decodeModelInferResponse(message: Uint8Array, places?: Places): IncomingResponse {
  try {
    return decode(new Uint8Array(message.buffer, message.byteOffset, message.byteLength), places);
  } catch (error) {
    if (!(error instanceof ConchError) || error.code === 'SERVER_ERROR') throw error;
    throw new ConchError('SERVER_ERROR', `the server's answer is broken: ${error.message}`, { cause: error });
  }
}

type Places = ReadonlyMap<string, SharedMemoryPart>;

function decode(bytes: Uint8Array, places: Places | undefined): IncomingResponse {
  const reader = new WireReader(bytes, 'ModelInferResponse', 'SERVER_ERROR');
  let model = '';
  let version = '';
  let id: string | undefined;
  let parameters: WireParameters | undefined;
  const outputs: WireOutputTensor[] = [];
  const raw: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.wireType !== wireTypes.bytes) reader.skip();
    else if (reader.field === 1) model = reader.text();
    else if (reader.field === 2) version = reader.text();
    else if (reader.field === 3) id = reader.text();
    else if (reader.field === 4) {
      parameters ??= new Map();
      readParameter(reader, parameters);
    } else if (reader.field === 5) outputs.push(readOutput(reader));
    else if (reader.field === 6) raw.push(reader.view());
    else reader.skip();
  }
  if (raw.length > 0 && raw.length !== outputs.length) {
    throw new ConchError('SERVER_ERROR', `it lists ${outputs.length} outputs and carries ${raw.length}`);
  }
  const sharedOutputs: SharedTensor[] = [];
  const tensors: Tensor[] = [];
  outputs.forEach((output, index) => {
    const place = places?.get(output.name);
    if (place && !raw[index]?.length) sharedOutputs.push(toSharedTensor(output, place));
    else tensors.push(toTensor(bytes, output, raw[index]));
  });
  return {
    model,
    version,
    id,
    outputs: tensors,
    parameters: parameters && plainParameters(parameters),
    ...(sharedOutputs.length > 0 && { sharedOutputs }),
  };
}

function toSharedTensor({ name, datatype, shape }: WireOutputTensor, sharedMemory: SharedMemoryPart): SharedTensor {
  if (!isDatatype(datatype)) throw unknownDatatype(name, datatype);
  return { name, datatype, shape, sharedMemory };
}

function unknownDatatype(name: string, datatype: string): ConchError {
  return new ConchError('SERVER_ERROR', `output '${name}' has the unknown datatype '${datatype.slice(0, 40)}'`);
}

/** A decoded ModelStreamInferResponse. */
export interface StreamResponse {
  /** Empty: none. */
  readonly error: string;
  readonly response: IncomingResponse | undefined;
}

export function decodeStreamResponse(message: Uint8Array, places?: Places): StreamResponse {
  const reader = new WireReader(message, 'ModelStreamInferResponse', 'SERVER_ERROR');
  let error = '';
  let response: Uint8Array | undefined;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === wireTypes.bytes) error = reader.text();
    else if (reader.field === 2 && reader.wireType === wireTypes.bytes) response = reader.view();
    else reader.skip();
  }
  return { error, response: response && decodeModelInferResponse(response, places) };
}

function readOutput(reader: WireReader): WireOutputTensor {
  const stop = reader.length();
  const { end } = reader;
  reader.end = stop;
  const output: WireOutputTensor = { name: '', datatype: '', shape: [], contents: undefined };
  while (reader.next()) {
    const { field, wireType } = reader;
    if (field === 3) readShape(reader, output.shape);
    else if (wireType !== wireTypes.bytes) reader.skip();
    else if (field === 1) output.name = reader.text();
    else if (field === 2) output.datatype = reader.text();
    else if (field === 5) {
      const contentsEnd = reader.length();
      output.contents ??= [];
      output.contents.push({ start: reader.position, end: contentsEnd });
      reader.position = contentsEnd;
    } else reader.skip();
  }
  reader.end = end;
  return output;
}

function toTensor(bytes: Uint8Array, output: WireOutputTensor, raw: Uint8Array | undefined): Tensor {
  const { name, datatype, shape, contents } = output;
  if (!isDatatype(datatype)) throw unknownDatatype(name, datatype);
  if (raw) return createTensor(name, datatype, shape, viewBytes(datatype, raw));
  const data = decodeContents(bytes, contents ?? [], name, datatype, Number.POSITIVE_INFINITY);
  return createTensor(name, datatype, shape, data);
}

function plainParameters(parameters: WireParameters): Record<string, ParameterValue> {
  const plain = Object.create(null) as Record<string, ParameterValue>;
  for (const [key, { value }] of parameters) if (value !== undefined) plain[key] = value;
  return plain;
}
