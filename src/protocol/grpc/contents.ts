import { ConchError } from '../../base/index.ts';
import { type Datatype, datatypes, type TensorData } from '../../tensor/index.ts';
import type { Span } from './infer-request-read.ts';
import { WireReader, wireTypes } from './wire-reader.ts';

/** InferTensorContents' fields: name and the wire type of an element. */
const fields: readonly (readonly [name: string, wireType: number])[] = [
  ['', 0],
  ['bool_contents', wireTypes.varint],
  ['int_contents', wireTypes.varint],
  ['int64_contents', wireTypes.varint],
  ['uint_contents', wireTypes.varint],
  ['uint64_contents', wireTypes.varint],
  ['fp32_contents', wireTypes.fixed32],
  ['fp64_contents', wireTypes.fixed64],
  ['bytes_contents', wireTypes.bytes],
];

/** The field that carries each datatype; FP16 and BF16 have none and must be raw. */
const fieldOf: { readonly [datatype in Datatype]?: number } = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

/** Elements of one field: a run of packed ones or a single one. */
interface Run extends Span {
  readonly packed: boolean;
}

/**
 * The elements of an input's InferTensorContents (`spans`, merged) as tensor data; 8- and 16-bit values keep their low
 * bytes, as in Triton. Throws REQUEST_INVALID for another field than the datatype's, several fields, types that cannot
 * travel so, and results over `maxBytes`; REQUEST_MALFORMED for what is not protobuf.
 */
export function decodeContents(
  bytes: Uint8Array,
  spans: readonly Span[],
  name: string,
  datatype: Datatype,
  maxBytes: number,
): TensorData {
  const wanted = fieldOf[datatype];
  if (wanted === undefined) {
    throw new ConchError('REQUEST_INVALID', `input '${name}': ${datatype} must travel in raw_input_contents`);
  }
  const reader = new WireReader(bytes, `contents of input '${name}'`, 'REQUEST_MALFORMED');
  const runs: Run[] = [];
  for (const { start, end } of spans) {
    reader.position = start;
    reader.end = end;
    while (reader.next()) collect(reader, name, datatype, wanted, runs);
  }
  return wanted === 8 ? frame(bytes, runs, maxBytes, name) : numbers(reader, runs, datatype, wanted, maxBytes, name);
}

function collect(reader: WireReader, name: string, datatype: Datatype, wanted: number, runs: Run[]): void {
  const [field, wireType] = fields[reader.field] ?? [];
  const packed = reader.wireType === wireTypes.bytes;
  if (field === undefined || (reader.wireType !== wireType && !packed)) {
    reader.skip();
    return;
  }
  const stop = packed ? reader.length() : -1;
  const start = reader.position;
  if (packed) reader.position = stop;
  else reader.skip();
  const end = reader.position;
  // An empty packed list says nothing, in any field.
  if (packed && wireType !== wireTypes.bytes && start === end) return;
  if (reader.field !== wanted) {
    throw new ConchError(
      'REQUEST_INVALID',
      `input '${name}': ${datatype} elements belong in ${fields[wanted]![0]}, ${field} is set`,
    );
  }
  runs.push({ start, end, packed });
}

function numbers(
  reader: WireReader,
  runs: readonly Run[],
  datatype: Datatype,
  field: number,
  maxBytes: number,
  name: string,
): TensorData {
  const { array, size } = datatypes[datatype];
  const wireType = fields[field]![1];
  const { bytes } = reader;
  let count = 0;
  for (const { start, end } of runs) {
    if (wireType === wireTypes.varint) {
      for (let at = start; at < end; at++) if (bytes[at]! < 0x80) count += 1;
    } else {
      const width = wireType === wireTypes.fixed32 ? 4 : 8;
      if ((end - start) % width !== 0) reader.fail(`${fields[field]![0]} is not a whole number of elements`);
      count += (end - start) / width;
    }
  }
  if (count * size > maxBytes) throw tooLarge(name, count * size, maxBytes);
  const data = new array(count);
  const wide = datatype === 'INT64' || datatype === 'UINT64';
  let index = 0;
  for (const { start, end } of runs) {
    reader.position = start;
    reader.end = end;
    while (reader.position < end) {
      let value: number | bigint;
      if (field === 6) value = reader.float();
      else if (field === 7) value = reader.double();
      else if (wide) value = BigInt(reader.int64(datatype === 'INT64'));
      else if (field === 1) value = reader.int64(false) === 0 ? 0 : 1;
      else value = reader.uint32();
      data[index++] = value as never;
    }
  }
  return data;
}

/** Elements of bytes_contents with the length before each that a BYTES tensor has. */
function frame(bytes: Uint8Array, runs: readonly Run[], maxBytes: number, name: string): Uint8Array {
  let total = 0;
  for (const { start, end } of runs) total += 4 + end - start;
  if (total > maxBytes) throw tooLarge(name, total, maxBytes);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const { start, end } of runs) {
    view.setUint32(offset, end - start, true);
    out.set(bytes.subarray(start, end), offset + 4);
    offset += 4 + end - start;
  }
  return out;
}

function tooLarge(name: string, size: number, limit: number): ConchError {
  return new ConchError('REQUEST_TOO_LARGE', `input '${name}' unpacks to ${size} bytes, the limit is ${limit}`);
}
