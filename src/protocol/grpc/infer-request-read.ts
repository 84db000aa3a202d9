import { ConchError } from '../../base/index.ts';
import { maxTensors } from '../http/request-options.ts';
import { readParameter, type WireParameters } from './parameters.ts';
import { WireReader, wireTypes } from './wire-reader.ts';

const maxRank = 64;

/** Where some bytes of the message lie. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface WireInput {
  name: string;
  datatype: string;
  readonly shape: number[];
  parameters: WireParameters | undefined;
  /** Where its InferTensorContents lie; several are to be merged. Absent: not given, which differs from empty. */
  contents: Span[] | undefined;
}

export interface WireOutput {
  name: string;
  parameters: WireParameters | undefined;
}

/** A ModelInferRequest as it came, not yet held against any rule but protobuf's. */
export interface WireRequest {
  readonly bytes: Uint8Array;
  model: string;
  version: string;
  id: string;
  parameters: WireParameters | undefined;
  readonly inputs: WireInput[];
  readonly outputs: WireOutput[];
  readonly raw: Span[];
}

/**
 * Reads a ModelInferRequest without copying: tensors stay where they are. Throws REQUEST_MALFORMED for what is not
 * protobuf and REQUEST_TOO_LARGE for more tensors or dimensions than any model has.
 */
export function readModelInferRequest(message: Uint8Array): WireRequest {
  // A Buffer's own `slice` and `subarray` are not what tensors are cut with.
  const bytes = new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  const reader = new WireReader(bytes, 'ModelInferRequest', 'REQUEST_MALFORMED');
  const request: WireRequest = {
    bytes,
    model: '',
    version: '',
    id: '',
    parameters: undefined,
    inputs: [],
    outputs: [],
    raw: [],
  };
  while (reader.next()) {
    if (reader.wireType !== wireTypes.bytes) {
      reader.skip();
      continue;
    }
    switch (reader.field) {
      case 1:
        request.model = reader.text();
        break;
      case 2:
        request.version = reader.text();
        break;
      case 3:
        request.id = reader.text();
        break;
      case 4:
        request.parameters ??= new Map();
        readParameter(reader, request.parameters);
        break;
      case 5:
        bound(request.inputs, 'inputs');
        request.inputs.push(readInput(reader));
        break;
      case 6:
        bound(request.outputs, 'outputs');
        request.outputs.push(readOutput(reader));
        break;
      case 7:
        bound(request.raw, 'raw_input_contents');
        request.raw.push(readSpan(reader));
        break;
      default:
        reader.skip();
    }
  }
  return request;
}

function readInput(reader: WireReader): WireInput {
  const stop = reader.length();
  const { end } = reader;
  reader.end = stop;
  const input: WireInput = { name: '', datatype: '', shape: [], parameters: undefined, contents: undefined };
  while (reader.next()) {
    const { field, wireType } = reader;
    if (field === 3) readShape(reader, input.shape);
    else if (wireType !== wireTypes.bytes) reader.skip();
    else if (field === 1) input.name = reader.text();
    else if (field === 2) input.datatype = reader.text();
    else if (field === 4) {
      input.parameters ??= new Map();
      readParameter(reader, input.parameters);
    } else if (field === 5) {
      input.contents ??= [];
      input.contents.push(readSpan(reader));
    } else reader.skip();
  }
  reader.end = end;
  return input;
}

/** A repeated int64, packed or not. */
export function readShape(reader: WireReader, shape: number[]): void {
  if (reader.wireType === wireTypes.varint) shape.push(Number(reader.int64(true)));
  else if (reader.wireType === wireTypes.bytes) {
    const stop = reader.length();
    const { end } = reader;
    reader.end = stop;
    while (reader.position < stop && shape.length <= maxRank) shape.push(Number(reader.int64(true)));
    reader.end = end;
  } else reader.skip();
  if (shape.length > maxRank) throw new ConchError('REQUEST_INVALID', `'shape' has more than ${maxRank} dimensions`);
}

function readOutput(reader: WireReader): WireOutput {
  const stop = reader.length();
  const { end } = reader;
  reader.end = stop;
  const output: WireOutput = { name: '', parameters: undefined };
  while (reader.next()) {
    if (reader.wireType !== wireTypes.bytes) reader.skip();
    else if (reader.field === 1) output.name = reader.text();
    else if (reader.field === 2) {
      output.parameters ??= new Map();
      readParameter(reader, output.parameters);
    } else reader.skip();
  }
  reader.end = end;
  return output;
}

function readSpan(reader: WireReader): Span {
  const end = reader.length();
  const start = reader.position;
  reader.position = end;
  return { start, end };
}

function bound(list: readonly unknown[], what: string): void {
  if (list.length >= maxTensors) {
    throw new ConchError('REQUEST_INVALID', `a request may list at most ${maxTensors} ${what}`);
  }
}
