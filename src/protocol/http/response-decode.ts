import { ConchError } from '../../base/index.ts';
import { createTensor, isDatatype, type Tensor, type TensorData, viewBytes } from '../../tensor/index.ts';
import type { ParameterValue } from '../inference.ts';
import type { IncomingResponse, SharedTensor } from '../outgoing.ts';
import { readElements } from './json-elements.ts';
import { JsonReader } from './json-reader.ts';
import type { SharedMemoryPart } from './message.ts';

/**
 * Decodes a server's answer to POST .../infer. `headerLength` as in `decodeInferRequest`. Tensors view `body` wherever
 * their alignment allows. `places`: outputs that the request wanted in shared memory. Throws SERVER_ERROR when the
 * answer is not what the protocol says.
 */
export function decodeInferResponse(
  body: Uint8Array,
  headerLength: number | undefined,
  places?: ReadonlyMap<string, SharedMemoryPart>,
): IncomingResponse {
  try {
    return decode(body, headerLength, places);
  } catch (error) {
    if (!(error instanceof ConchError) || error.code === 'SERVER_ERROR') throw error;
    throw broken(error.message, error);
  }
}

function decode(
  body: Uint8Array,
  headerLength: number | undefined,
  places: ReadonlyMap<string, SharedMemoryPart> | undefined,
): IncomingResponse {
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  const jsonLength = headerLength ?? bytes.length;
  if (jsonLength > bytes.length) {
    throw broken(`its JSON is said to be ${jsonLength} bytes long, the body has ${bytes.length}`);
  }
  const reader: JsonReader = new JsonReader(bytes, jsonLength, 'response JSON', 'SERVER_ERROR');
  let binaryOffset = jsonLength;
  let model: string | undefined;
  let version = '';
  let id: string | undefined;
  let parameters: Record<string, ParameterValue> | undefined;
  const outputs: Tensor[] = [];
  const sharedOutputs: SharedTensor[] = [];

  const takeBinary = (name: string, size: number): Uint8Array => {
    const start = binaryOffset;
    if (size > bytes.length - start) {
      throw broken(`output '${name}' should have ${size} bytes, ${bytes.length - start} are left`);
    }
    binaryOffset = start + size;
    return bytes.subarray(start, binaryOffset);
  };

  reader.open('object', 'the response');
  for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
    if (key === 'model_name') model = reader.readString("'model_name'");
    else if (key === 'model_version') version = readVersion(reader);
    else if (key === 'id') id = reader.readString("'id'");
    else if (key === 'parameters') parameters = readParameters(reader);
    else if (key === 'outputs') {
      reader.open('array', "'outputs'");
      for (let first = true; reader.nextElement(first); first = false) {
        const output = readOutput(reader, takeBinary, places);
        if ('sharedMemory' in output) sharedOutputs.push(output);
        else outputs.push(output);
      }
    } else reader.skipValue();
  }
  reader.expectEnd();
  if (model === undefined) reader.fail("the response has no 'model_name'");
  if (binaryOffset !== bytes.length) throw broken(`${bytes.length - binaryOffset} bytes follow that no output claims`);
  return { model, version, id, outputs, parameters, ...(sharedOutputs.length > 0 && { sharedOutputs }) };
}

function broken(reason: string, cause?: unknown): ConchError {
  return new ConchError('SERVER_ERROR', `the server's answer is broken: ${reason}`, { cause });
}

function readVersion(reader: JsonReader): string {
  return reader.peek() === 0x22 ? reader.readString("'model_version'") : String(reader.readUnsigned("'model_version'"));
}

function readParameters(reader: JsonReader): Record<string, ParameterValue> {
  const value = reader.readValue();
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    reader.fail("'parameters' must be an object");
  return value as Record<string, ParameterValue>;
}

function readOutput(
  reader: JsonReader,
  takeBinary: (name: string, size: number) => Uint8Array,
  places: ReadonlyMap<string, SharedMemoryPart> | undefined,
): Tensor | SharedTensor {
  let name: string | undefined;
  let datatype: string | undefined;
  const shape: number[] = [];
  let dataAt = -1;
  let size: number | undefined;
  reader.open('object', 'an output');
  for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
    if (key === 'name') name = reader.readString("'name' of an output");
    else if (key === 'datatype') datatype = reader.readString("'datatype' of an output");
    else if (key === 'shape') {
      reader.open('array', "'shape' of an output");
      for (let first = true; reader.nextElement(first); first = false) {
        shape.push(Number(reader.readUnsigned("a dimension of 'shape'")));
      }
    } else if (key === 'data') {
      reader.peek();
      dataAt = reader.position;
      reader.skipValue();
    } else if (key === 'parameters') {
      reader.open('object', "'parameters' of an output");
      for (let inner = reader.nextKey(true); inner !== undefined; inner = reader.nextKey(false)) {
        if (inner === 'binary_data_size') size = Number(reader.readUnsigned("'binary_data_size'"));
        else reader.skipValue();
      }
    } else reader.skipValue();
  }
  if (name === undefined || datatype === undefined) reader.fail("an output has no 'name' or no 'datatype'");
  if (!isDatatype(datatype)) throw broken(`output '${name}' has the unknown datatype '${datatype}'`);
  const place = places?.get(name);
  if (place && size === undefined && dataAt === -1) return { name, datatype, shape, sharedMemory: place };
  let data: TensorData;
  if (size !== undefined) {
    data = viewBytes(datatype, takeBinary(name, size));
    if (datatype !== 'BYTES') createTensor(name, datatype, shape, data);
  } else if (dataAt !== -1) {
    const after = reader.position;
    reader.position = dataAt;
    data = readElements(reader, name, datatype, shape, Number.POSITIVE_INFINITY);
    reader.position = after;
  } else {
    throw broken(`output '${name}' has no data`);
  }
  return { name, datatype, shape, data };
}
