import { ConchError } from '../../base/index.ts';
import { elementCount, isDatatype, type Tensor, type TensorData, viewBytes } from '../../tensor/index.ts';
import type { SharedMemoryPart } from '../http/message.ts';
import type { InferenceRequest, ParameterValue, RequestedOutput, SequencePosition } from '../inference.ts';
import { decodeContents } from './contents.ts';
import type { WireInput, WireRequest } from './infer-request-read.ts';
import { expectKind, type WireParameter, type WireParameters, wrongKind } from './parameters.ts';

/** A decoded ModelInferRequest: the request, and what it asks of the answer's form. */
export interface GrpcInferenceRequest extends InferenceRequest {
  /** Outputs that go to shared memory instead of the answer. */
  readonly outputPlaces: ReadonlyMap<string, SharedMemoryPart> | undefined;
  /** `triton_enable_empty_final_response`: a stream is to show the empty response that ends a decoupled answer. */
  readonly emptyFinalResponse: boolean;
}

export interface GrpcDecodeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Reads an input that lies in shared memory. Without it no region is registered. */
  readonly readShared?: ((part: SharedMemoryPart) => Uint8Array) | undefined;
  /** Bounds each tensor that is unpacked from `contents`; default 1 GiB. */
  readonly maxTensorBytes?: number | undefined;
}

/**
 * A request by Triton's rules for ModelInferRequest. Raw tensors view the message wherever their alignment allows; it
 * must not change afterwards. Names, types and shapes are held against the model by the engine. Throws REQUEST_INVALID
 * for what contradicts itself, and what `readShared` throws.
 */
export function toInferenceRequest(wire: WireRequest, options: GrpcDecodeOptions = {}): GrpcInferenceRequest {
  const inputs: Tensor[] = [];
  let nextRaw = 0;
  for (const input of wire.inputs) {
    const part = input.parameters && sharedPart(input.parameters, `input '${input.name}'`);
    const raw = part || input.contents ? undefined : wire.raw[nextRaw++];
    inputs.push(decodeInput(wire, input, part, raw, options));
  }
  const parameters = wire.parameters && sortParameters(wire.parameters);
  const { outputs, places } = decodeOutputs(wire);
  return {
    model: wire.model,
    version: wire.version === '' ? undefined : wire.version,
    id: wire.id === '' ? undefined : wire.id,
    inputs,
    outputs,
    parameters: parameters?.custom,
    sequence: parameters?.sequence,
    priority: parameters?.priority,
    timeoutMicroseconds: parameters?.timeoutMicroseconds,
    signal: options.signal,
    outputPlaces: places,
    emptyFinalResponse: parameters?.emptyFinalResponse ?? false,
  };
}

function decodeInput(
  wire: WireRequest,
  input: WireInput,
  part: SharedMemoryPart | undefined,
  raw: { readonly start: number; readonly end: number } | undefined,
  options: GrpcDecodeOptions,
): Tensor {
  const { name, datatype, shape } = input;
  if (!isDatatype(datatype)) {
    throw new ConchError('REQUEST_INVALID', `input '${name}': unknown datatype '${datatype.slice(0, 40)}'`, {
      where: { path: name },
    });
  }
  let data: TensorData;
  if (input.contents && wire.raw.length > 0) {
    throw new ConchError(
      'REQUEST_INVALID',
      `input '${name}' of model '${wire.model}': 'contents' and 'raw_input_contents' exclude each other`,
    );
  } else if (part) {
    data = viewBytes(datatype, readShared(name, part, options));
  } else if (raw) {
    data = viewBytes(datatype, wire.bytes.subarray(raw.start, raw.end));
  } else if (input.contents) {
    data = decodeContents(wire.bytes, input.contents, name, datatype, options.maxTensorBytes ?? 2 ** 30);
  } else if (elementCount(shape) === 0) {
    data = viewBytes(datatype, new Uint8Array(0));
  } else {
    throw new ConchError(
      'REQUEST_INVALID',
      `input '${name}' of model '${wire.model}' has no data: neither 'contents' nor an entry of 'raw_input_contents'`,
    );
  }
  return { name, datatype, shape, data };
}

function readShared(name: string, part: SharedMemoryPart, { readShared }: GrpcDecodeOptions): Uint8Array {
  if (readShared) return readShared(part);
  throw new ConchError('REQUEST_INVALID', `input '${name}': no shared memory region '${part.region}' is registered`, {
    status: 'NOT_FOUND',
  });
}

/** The part of a region that a tensor's parameters name, if they do. */
function sharedPart(parameters: WireParameters, subject: string): SharedMemoryPart | undefined {
  const region = parameters.get('shared_memory_region');
  const offset = parameters.get('shared_memory_offset');
  const byteSize = parameters.get('shared_memory_byte_size');
  const named = (name: string) => `${subject}: parameter '${name}'`;
  const size = (parameter: WireParameter, name: string): number => {
    const value = Number(expectKind(parameter, 'int64_param', named(name)));
    if (value >= 0) return value;
    throw new ConchError('REQUEST_INVALID', `${named(name)} must not be negative, got ${value}`);
  };
  if (!region) {
    const stray = offset ? 'shared_memory_offset' : byteSize ? 'shared_memory_byte_size' : undefined;
    if (!stray) return undefined;
    throw new ConchError('REQUEST_INVALID', `${named(stray)} needs 'shared_memory_region'`);
  }
  const part = {
    region: expectKind(region, 'string_param', named('shared_memory_region')) as string,
    offset: offset ? size(offset, 'shared_memory_offset') : 0,
    byteSize: byteSize ? size(byteSize, 'shared_memory_byte_size') : 0,
  };
  if (part.byteSize > 0) return part;
  throw new ConchError('REQUEST_INVALID', `${subject}: 'shared_memory_region' needs 'shared_memory_byte_size'`);
}

function decodeOutputs(wire: WireRequest): {
  readonly outputs: readonly RequestedOutput[] | undefined;
  readonly places: Map<string, SharedMemoryPart> | undefined;
} {
  if (wire.outputs.length === 0) return { outputs: undefined, places: undefined };
  let places: Map<string, SharedMemoryPart> | undefined;
  const outputs = wire.outputs.map(({ name, parameters }): RequestedOutput => {
    if (!parameters) return { name };
    const part = sharedPart(parameters, `output '${name}'`);
    const classes = parameters.get('classification');
    if (classes && part) {
      throw new ConchError(
        'REQUEST_INVALID',
        `output '${name}': 'shared_memory_region' and 'classification' exclude each other`,
      );
    }
    if (part) {
      places ??= new Map();
      places.set(name, part);
    }
    if (!classes) return { name };
    const count = Number(expectKind(classes, 'int64_param', `output '${name}': parameter 'classification'`));
    if (count > 0) return { name, classification: count };
    throw new ConchError('REQUEST_INVALID', `output '${name}': 'classification' must be above 0, got ${count}`);
  });
  return { outputs, places };
}

interface SortedParameters {
  custom: Record<string, ParameterValue> | undefined;
  sequence: { id: SequencePosition['id']; start: boolean; end: boolean } | undefined;
  priority: number | undefined;
  timeoutMicroseconds: number | undefined;
  emptyFinalResponse: boolean;
}

/** A request's parameters by what they concern. */
function sortParameters(parameters: WireParameters): SortedParameters {
  const sorted: SortedParameters = {
    custom: undefined,
    sequence: undefined,
    priority: undefined,
    timeoutMicroseconds: undefined,
    emptyFinalResponse: false,
  };
  const inSequence = () => (sorted.sequence ??= { id: 0, start: false, end: false });
  for (const [key, parameter] of parameters) {
    const subject = `parameter '${key}'`;
    switch (key) {
      case 'sequence_id':
        if (parameter.kind !== 'int64_param' && parameter.kind !== 'string_param')
          throw wrongKind(parameter, 'int64_param or string_param', subject);
        inSequence().id = asUnsigned(parameter.value);
        break;
      case 'sequence_start':
        inSequence().start = expectKind(parameter, 'bool_param', subject) as boolean;
        break;
      case 'sequence_end':
        inSequence().end = expectKind(parameter, 'bool_param', subject) as boolean;
        break;
      case 'priority':
        if (parameter.kind !== 'int64_param' && parameter.kind !== 'uint64_param')
          throw wrongKind(parameter, 'int64_param or uint64_param', subject);
        sorted.priority = notNegative(parameter.value, subject);
        break;
      case 'timeout':
        sorted.timeoutMicroseconds = notNegative(expectKind(parameter, 'int64_param', subject) as number, subject);
        break;
      case 'triton_enable_empty_final_response':
        sorted.emptyFinalResponse = expectKind(parameter, 'bool_param', subject) as boolean;
        break;
      default:
        // Without a prototype, `__proto__` is a key like any other.
        sorted.custom ??= Object.create(null) as Record<string, ParameterValue>;
        sorted.custom[key] = customValue(key, parameter);
    }
  }
  return sorted;
}

function customValue(key: string, parameter: WireParameter): ParameterValue {
  if (key.startsWith('triton_')) {
    throw new ConchError('REQUEST_INVALID', `parameter '${key}': keys that start with 'triton_' are reserved`);
  }
  if (parameter.kind === 'nothing' || parameter.kind === 'uint64_param') {
    throw wrongKind(parameter, 'bool_param, int64_param, string_param or double_param', `parameter '${key}'`);
  }
  return parameter.value;
}

/** Triton takes a correlation ID's 64 bits as unsigned. */
function asUnsigned(value: number | bigint | string): number | bigint | string {
  return typeof value === 'string' || value >= 0 ? value : BigInt.asUintN(64, BigInt(value));
}

function notNegative(value: number | bigint, subject: string): number {
  if (value >= 0) return Number(value);
  throw new ConchError('REQUEST_INVALID', `${subject} must be 0 or more, got ${value}`);
}
