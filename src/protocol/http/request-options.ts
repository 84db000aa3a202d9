import { ConchError } from '../../base/index.ts';
import type { ParameterValue, RequestedOutput, SequencePosition } from '../inference.ts';
import type { JsonReader } from './json-reader.ts';
import type { SharedMemoryPart, TensorEncoding } from './message.ts';

/** Bounds what a small body can make us build; no model comes near. */
export const maxTensors = 4096;

/** The `outputs` of a request. */
export interface RequestedOutputs {
  readonly outputs: readonly RequestedOutput[];
  readonly encodings: ReadonlyMap<string, TensorEncoding | SharedMemoryPart>;
}

/** Reads the `outputs` array. An output is JSON unless it says `binary_data: true`, whatever the request's default. */
export function readOutputs(reader: JsonReader): RequestedOutputs {
  const outputs: RequestedOutput[] = [];
  const encodings = new Map<string, TensorEncoding | SharedMemoryPart>();
  reader.open('array', "'outputs'");
  for (let first = true; reader.nextElement(first); first = false) {
    let name: string | undefined;
    let binary: boolean | undefined;
    let classification: number | undefined;
    const shared = new SharedMemoryParameters();
    let seenParameters = false;
    reader.open('object', 'an output');
    for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
      if (key === 'name' && name === undefined) name = reader.readString("'name' of an output");
      else if (key === 'parameters' && !seenParameters) {
        seenParameters = true;
        reader.open('object', "'parameters' of an output");
        for (let inner = reader.nextKey(true); inner !== undefined; inner = reader.nextKey(false)) {
          if (inner === 'binary_data') binary ??= reader.readBoolean("'binary_data'");
          else if (inner === 'classification') classification ??= Number(reader.readUnsigned("'classification'"));
          else if (!shared.take(inner, reader)) reader.skipValue();
        }
      } else reader.skipValue();
    }
    if (name === undefined) reader.fail(`outputs[${outputs.length}] has no 'name'`);
    if (shared.given) refuseClash(name, binary, classification);
    const part = shared.part(`output '${name}'`);
    if (encodings.has(name)) throw listedTwice('output', name);
    if (outputs.length >= maxTensors) throw tooMany('outputs');
    outputs.push(classification ? { name, classification } : { name });
    encodings.set(name, part ?? (binary ? 'binary' : 'json'));
  }
  return { outputs, encodings };
}

/** An output goes to shared memory as it is: neither classified nor sent along. */
function refuseClash(name: string, binary: boolean | undefined, classification: number | undefined): void {
  const clash = classification ? 'classification' : binary ? 'binary_data' : undefined;
  if (!clash) return;
  throw new ConchError('REQUEST_INVALID', `output '${name}': 'shared_memory_region' and '${clash}' exclude each other`);
}

/** The parameters of a tensor that lies in shared memory, as they are read. */
export class SharedMemoryParameters {
  private region: string | undefined;
  private offset: number | undefined;
  private byteSize: number | undefined;

  /** Whether `key` is one of them; its value has then been read. Of equal names the first counts. */
  take(key: string, reader: JsonReader): boolean {
    if (key === 'shared_memory_region') this.region ??= reader.readString("'shared_memory_region'");
    else if (key === 'shared_memory_offset') this.offset ??= Number(reader.readUnsigned("'shared_memory_offset'"));
    else if (key === 'shared_memory_byte_size') {
      this.byteSize ??= Number(reader.readUnsigned("'shared_memory_byte_size'"));
    } else return false;
    return true;
  }

  get given(): boolean {
    return this.region !== undefined;
  }

  /** The part that they name, if they name a region. */
  part(subject: string): SharedMemoryPart | undefined {
    const { region, offset = 0, byteSize } = this;
    if (region === undefined) return undefined;
    if (byteSize !== undefined) return { region, offset, byteSize };
    throw new ConchError('REQUEST_INVALID', `${subject}: 'shared_memory_region' needs 'shared_memory_byte_size'`);
  }
}

/** The `parameters` of a request, sorted by what they concern. */
export interface RequestParameters {
  readonly custom: Readonly<Record<string, ParameterValue>> | undefined;
  readonly sequence: SequencePosition | undefined;
  readonly priority: number | undefined;
  readonly timeoutMicroseconds: number | undefined;
  /** `binary_data_output`: how outputs travel that the request does not list. */
  readonly encoding: TensorEncoding;
}

export function readParameters(reader: JsonReader): RequestParameters {
  let custom: Record<string, ParameterValue> | undefined;
  let sequence: { id: number | bigint | string; start: boolean; end: boolean } | undefined;
  let priority: number | undefined;
  let timeoutMicroseconds: number | undefined;
  let encoding: TensorEncoding = 'json';
  const inSequence = () => (sequence ??= { id: 0, start: false, end: false });
  reader.open('object', "'parameters'");
  for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
    switch (key) {
      case 'sequence_id':
        inSequence().id =
          reader.peek() === 0x22 ? reader.readString("'sequence_id'") : reader.readUnsigned("'sequence_id'");
        break;
      case 'sequence_start':
        inSequence().start = reader.readBoolean("'sequence_start'");
        break;
      case 'sequence_end':
        inSequence().end = reader.readBoolean("'sequence_end'");
        break;
      case 'priority':
        priority = Number(reader.readUnsigned("'priority'"));
        break;
      case 'timeout':
        timeoutMicroseconds = Number(reader.readUnsigned("'timeout'"));
        break;
      case 'binary_data_output':
        encoding = reader.readBoolean("'binary_data_output'") ? 'binary' : 'json';
        break;
      default:
        // Without a prototype, `__proto__` is a key like any other.
        custom ??= Object.create(null) as Record<string, ParameterValue>;
        if (key.startsWith('triton_')) {
          throw new ConchError('REQUEST_INVALID', `parameter '${key}': keys that start with 'triton_' are reserved`);
        }
        custom[key] = readCustomParameter(reader, key);
    }
  }
  return { custom, sequence, priority, timeoutMicroseconds, encoding };
}

/** A parameter's value: text, a boolean, a double, or an integer of 64 bits with sign. */
export function readCustomParameter(reader: JsonReader, key: string): ParameterValue {
  // Nothing is built of what is refused anyway.
  const got = { 110: 'null', 91: 'an array', 123: 'an object' }[reader.peek()];
  if (got !== undefined) {
    reader.skipValue();
    throw new ConchError('REQUEST_INVALID', `parameter '${key}' must be a string, a number or a boolean, got ${got}`);
  }
  const value = reader.readValue() as ParameterValue;
  if (typeof value === 'bigint' && value >= 2n ** 63n) {
    throw new ConchError('REQUEST_INVALID', `parameter '${key}': ${value} does not fit 64 bits with sign`);
  }
  return value;
}

export function listedTwice(kind: string, name: string): ConchError {
  return new ConchError('REQUEST_INVALID', `${kind} '${name}' is listed twice`, { where: { path: name } });
}

export function tooMany(kind: string): ConchError {
  return new ConchError('REQUEST_INVALID', `a request may list at most ${maxTensors} ${kind}`);
}
