import { ConchError } from '../../base/index.ts';
import { elementCount, isDatatype, type Tensor, type TensorData, viewBytes } from '../../tensor/index.ts';
import { readElements } from './json-elements.ts';
import { JsonReader } from './json-reader.ts';
import type { HttpInferenceRequest, SharedMemoryPart } from './message.ts';
import { decodeRawRequest, type RawSignature } from './raw-request.ts';
import {
  listedTwice,
  maxTensors,
  type RequestedOutputs,
  type RequestParameters,
  readOutputs,
  readParameters,
  SharedMemoryParameters,
  tooMany,
} from './request-options.ts';

export interface InferTarget {
  readonly model: string;
  /** Decimal text; absent: the newest ready version. */
  readonly version?: string | undefined;
  /** Goes into the request. */
  readonly signal?: AbortSignal | undefined;
}

export interface DecodeOptions {
  /** Bounds the JSON text, each tensor decoded from it, and raw bodies; default 64 MiB. */
  readonly maxInputBytes?: number;
  /** What the model takes; asked for only by requests without JSON. Without it such requests are refused. */
  readonly rawSignature?: () => RawSignature;
  /** Reads an input that lies in shared memory. Without it no region is registered. */
  readonly readShared?: (part: SharedMemoryPart) => Uint8Array;
}

export const defaultMaxInputBytes = 67_108_864;
const maxRank = 64;

/**
 * Decodes the body of POST .../infer: v2 JSON with Triton's binary tensor data extension.
 *
 * `headerLength` is the value of `Inference-Header-Content-Length` (see `parseHeaderLength`), undefined where the
 * header is missing. Tensors view `body` wherever their alignment allows; it must not change afterwards. Checked here
 * is what the wire form says by itself; names, types and shapes are held against the model by the engine.
 *
 * Throws REQUEST_MALFORMED for text that is not JSON or of the wrong shape, REQUEST_INVALID for what contradicts
 * itself, REQUEST_TOO_LARGE beyond the limits.
 */
export function decodeInferRequest(
  body: Uint8Array,
  headerLength: number | undefined,
  target: InferTarget,
  options: DecodeOptions = {},
): HttpInferenceRequest {
  const maxInputBytes = options.maxInputBytes ?? defaultMaxInputBytes;
  const jsonLength = headerLength ?? body.length;
  if (jsonLength > body.length) {
    throw new ConchError(
      'REQUEST_INVALID',
      `the inference header is said to be ${jsonLength} bytes long, the body has ${body.length}`,
    );
  }
  if (jsonLength === 0) return decodeRawRequest(body, target, maxInputBytes, options.rawSignature);
  if (jsonLength > maxInputBytes) {
    throw new ConchError(
      'REQUEST_TOO_LARGE',
      `the request's JSON has ${jsonLength} bytes, the limit is ${maxInputBytes}`,
      { fix: 'raise --http-max-input-size or send tensors as binary data' },
    );
  }
  return new RequestDecoder(plainBytes(body), jsonLength, target, maxInputBytes, options.readShared).decode();
}

/**
 * Value of the `Inference-Header-Content-Length` header as a number; undefined where it is absent. Throws
 * REQUEST_INVALID.
 */
export function parseHeaderLength(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  let length = 0;
  for (let index = 0; index < header.length; index++) {
    const digit = header.charCodeAt(index) - 0x30;
    length = digit >= 0 && digit <= 9 ? length * 10 + digit : Number.NaN;
  }
  if (header === '' || header.length > 15 || Number.isNaN(length)) {
    throw new ConchError(
      'REQUEST_INVALID',
      `Inference-Header-Content-Length must be a number of bytes, got '${header.slice(0, 40)}'`,
    );
  }
  return length;
}

/** A Buffer's `slice` shares memory where Uint8Array's copies; tensors are cut with the latter's meaning. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class RequestDecoder {
  private readonly body: Uint8Array;
  private readonly reader: JsonReader;
  private readonly target: InferTarget;
  private readonly maxInputBytes: number;
  private readonly readShared: DecodeOptions['readShared'];
  /** Start of the binary bytes that no input has taken yet. */
  private binaryOffset: number;

  private id: string | undefined;
  private inputs: Tensor[] | undefined;
  private outputs: RequestedOutputs | undefined;
  private parameters: RequestParameters | undefined;

  constructor(
    body: Uint8Array,
    jsonLength: number,
    target: InferTarget,
    maxInputBytes: number,
    readShared: DecodeOptions['readShared'],
  ) {
    this.body = body;
    this.reader = new JsonReader(body, jsonLength);
    this.target = target;
    this.maxInputBytes = maxInputBytes;
    this.readShared = readShared;
    this.binaryOffset = jsonLength;
  }

  decode(): HttpInferenceRequest {
    const { target } = this;
    const reader: JsonReader = this.reader;
    reader.open('object', 'the request');
    for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
      // Of equal names the first counts, as in Triton; hence the checks for what is there already.
      if (key === 'inputs' && this.inputs === undefined) this.readInputs();
      else if (key === 'outputs' && this.outputs === undefined) this.outputs = readOutputs(reader);
      else if (key === 'parameters' && this.parameters === undefined) this.parameters = readParameters(reader);
      else if (key === 'id' && this.id === undefined) this.id = reader.readString("'id'");
      else reader.skipValue();
    }
    reader.expectEnd();
    const { inputs, outputs, parameters } = this;
    if (inputs === undefined) reader.fail("the request has no 'inputs'");
    const rest = this.body.length - this.binaryOffset;
    if (rest > 0) {
      throw new ConchError(
        'REQUEST_INVALID',
        `model '${target.model}': ${rest} bytes of binary data follow that no input claims`,
      );
    }
    const listed = outputs !== undefined && outputs.outputs.length > 0;
    return {
      model: target.model,
      version: target.version,
      id: this.id,
      inputs,
      outputs: listed ? outputs.outputs : undefined,
      parameters: parameters?.custom,
      sequence: parameters?.sequence,
      priority: parameters?.priority,
      timeoutMicroseconds: parameters?.timeoutMicroseconds,
      signal: target.signal,
      outputEncodings: listed ? outputs.encodings : (parameters?.encoding ?? 'json'),
    };
  }

  private readInputs(): void {
    const reader: JsonReader = this.reader;
    const inputs: Tensor[] = [];
    let names: Set<string> | undefined;
    this.inputs = inputs;
    reader.open('array', "'inputs'");
    for (let first = true; reader.nextElement(first); first = false) {
      const input = this.readInput(inputs.length);
      if (inputs.length === 1) names = new Set([inputs[0]!.name]);
      if (names?.has(input.name)) throw listedTwice('input', input.name);
      if (inputs.length >= maxTensors) throw tooMany('inputs');
      names?.add(input.name);
      inputs.push(input);
    }
  }

  private readInput(index: number): Tensor {
    const reader: JsonReader = this.reader;
    let name: string | undefined;
    let datatype: string | undefined;
    let shape: number[] | undefined;
    let data: TensorData | undefined;
    let dataAt = -1;
    let binarySize: number | undefined;
    let shared: SharedMemoryParameters | undefined;
    let seenParameters = false;
    reader.open('object', 'an input');
    for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
      if (key === 'name' && name === undefined) name = reader.readString("'name' of an input");
      else if (key === 'datatype' && datatype === undefined) datatype = reader.readString("'datatype' of an input");
      else if (key === 'shape' && shape === undefined) shape = this.readShape();
      else if (key === 'data' && dataAt === -1) {
        reader.peek();
        dataAt = reader.position;
        if (name !== undefined && datatype !== undefined && shape !== undefined) {
          data = this.readData(name, datatype, shape);
        } else {
          reader.skipValue();
        }
      } else if (key === 'parameters' && !seenParameters) {
        seenParameters = true;
        reader.open('object', "'parameters' of an input");
        for (let inner = reader.nextKey(true); inner !== undefined; inner = reader.nextKey(false)) {
          if (inner === 'binary_data_size') binarySize ??= Number(reader.readUnsigned("'binary_data_size'"));
          else {
            shared ??= new SharedMemoryParameters();
            if (!shared.take(inner, reader)) reader.skipValue();
          }
        }
      } else reader.skipValue();
    }
    this.checkSource(index, name, dataAt !== -1, binarySize !== undefined, shared?.given ?? false);
    if (name === undefined) reader.fail(`inputs[${index}] has no 'name'`);
    if (datatype === undefined) reader.fail(`input '${name}' has no 'datatype'`);
    if (shape === undefined) reader.fail(`input '${name}' has no 'shape'`);
    if (!isDatatype(datatype)) throw unknownDatatype(name, datatype);
    if (binarySize !== undefined) {
      data = this.takeBinary(name, datatype, shape, binarySize);
    } else if (shared?.given) {
      data = this.takeShared(name, datatype, shape, shared.part(`input '${name}'`)!);
    } else if (data === undefined) {
      const after = reader.position;
      reader.position = dataAt;
      data = this.readData(name, datatype, shape);
      reader.position = after;
    }
    return { name, datatype, shape, data };
  }

  /** Exactly one of the three places that data may come from. */
  private checkSource(index: number, name: string | undefined, data: boolean, binary: boolean, shared: boolean): void {
    if (Number(data) + Number(binary) + Number(shared) === 1) return;
    const subject = name === undefined ? `inputs[${index}]` : `input '${name}'`;
    const set = [data && "'data'", binary && "'binary_data_size'", shared && "'shared_memory_region'"];
    const given = set.filter((source) => source !== false).join(' and ') || 'none of them';
    throw new ConchError(
      'REQUEST_INVALID',
      `${subject}: needs one of 'data' and the parameters 'binary_data_size' and 'shared_memory_region', got ${given}`,
    );
  }

  private readShape(): number[] {
    const reader: JsonReader = this.reader;
    const shape: number[] = [];
    reader.open('array', "'shape' of an input");
    for (let first = true; reader.nextElement(first); first = false) {
      shape.push(Number(reader.readUnsigned("a dimension of 'shape'")));
      if (shape.length > maxRank)
        throw new ConchError('REQUEST_INVALID', `'shape' has more than ${maxRank} dimensions`);
    }
    return shape;
  }

  private readData(name: string, datatype: string, shape: readonly number[]): TensorData {
    const reader: JsonReader = this.reader;
    if (!isDatatype(datatype)) throw unknownDatatype(name, datatype);
    if (elementCount(shape) === 0) {
      // Triton does not look at the data of an empty tensor.
      reader.skipValue();
      return viewBytes(datatype, new Uint8Array(0));
    }
    return readElements(reader, name, datatype, shape, this.maxInputBytes);
  }

  private takeBinary(name: string, datatype: Tensor['datatype'], shape: readonly number[], size: number): TensorData {
    const start = this.binaryOffset;
    const left = this.body.length - start;
    if (size > left) {
      throw new ConchError(
        'REQUEST_INVALID',
        `input '${name}': 'binary_data_size' is ${size}, but only ${left} bytes of binary data are left`,
      );
    }
    this.binaryOffset = start + size;
    return viewed(name, datatype, shape, this.body.subarray(start, start + size));
  }

  private takeShared(
    name: string,
    datatype: Tensor['datatype'],
    shape: readonly number[],
    part: SharedMemoryPart,
  ): TensorData {
    if (this.readShared) return viewed(name, datatype, shape, this.readShared(part));
    throw new ConchError('REQUEST_INVALID', `input '${name}': no shared memory region '${part.region}' is registered`, {
      status: 'NOT_FOUND',
    });
  }
}

function unknownDatatype(name: string, datatype: string): ConchError {
  return new ConchError('REQUEST_INVALID', `input '${name}': unknown datatype '${datatype.slice(0, 40)}'`, {
    where: { path: name },
  });
}

/** Bytes as the elements of a tensor, of which there must be as many as its shape says. */
function viewed(name: string, datatype: Tensor['datatype'], shape: readonly number[], bytes: Uint8Array): TensorData {
  const data = viewBytes(datatype, bytes);
  if (datatype === 'BYTES' || data.length === elementCount(shape)) return data;
  throw new ConchError(
    'REQUEST_INVALID',
    `input '${name}': ${bytes.length} bytes hold ${data.length} ${datatype} elements, shape [${shape}] needs ${elementCount(shape)}`,
  );
}
