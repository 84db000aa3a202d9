import { dirname, isAbsolute, join, normalize } from 'node:path';
import { elementTypes, payloadBytes } from './element-types.ts';
import { dataLocations, fields } from './fields.ts';
import { readRange } from './file-payload.ts';
import type { OnnxWeight } from './model.ts';
import type { ProtoReader } from './proto-reader.ts';

/** Where the payload of a TensorProto lies. */
type Place = { readonly path: string; readonly offset: number } | { readonly data: Uint8Array };

/** Reads a TensorProto up to `end`; its payload stays in the file, unless it is in the older fields of varints. */
export function readTensor(reader: ProtoReader, end: number): OnnxWeight {
  const shape: number[] = [];
  let name = '';
  let elementType = 0;
  let inside: { offset: number; length: number } | undefined;
  let external = false;
  const location: Record<string, string> = {};
  const integers: (number | bigint)[] = [];
  const loose: Uint8Array[] = [];
  const { tensor } = fields;
  while (reader.next(end)) {
    const { field } = reader;
    if (field === tensor.dims) shape.push(...reader.integers(end, 'dims').map(Number));
    else if (field === tensor.dataType) elementType = reader.integer(end, 'data_type');
    else if (field === tensor.name) name = reader.text(end, 'the name of a tensor');
    else if (field === tensor.dataLocation) {
      external = reader.integer(end, 'data_location') === dataLocations.external;
    } else if (field === tensor.externalData) {
      const [key, value] = readEntry(reader, reader.message(end, 'external_data'));
      location[key] = value;
    } else if (field === tensor.rawData) {
      const stop = reader.message(end, `the data of tensor '${name}'`);
      inside = { offset: reader.position, length: stop - reader.position };
      reader.position = stop;
    } else if (field === tensor.floatData || field === tensor.doubleData) {
      // Packed, they are the payload as it is.
      const stop =
        reader.wireType === 2
          ? reader.message(end, `the data of tensor '${name}'`)
          : reader.position + (reader.wireType === 1 ? 8 : 4);
      if (reader.wireType === 2 && !inside && loose.length === 0) {
        inside = { offset: reader.position, length: stop - reader.position };
        reader.position = stop;
      } else loose.push(reader.bytes(stop, `the data of tensor '${name}'`));
    } else if (field === tensor.int32Data || field === tensor.int64Data || field === tensor.uint64Data) {
      integers.push(...reader.integers(end, `the data of tensor '${name}'`));
    } else if (field === tensor.stringData) {
      reader.fail(`tensor '${name}' holds strings, which conch passes on from no file`);
    } else reader.skip(end, `field ${field} of tensor '${name}'`);
  }
  const bytes = payloadBytes(elementType, shape);
  if (bytes === undefined) reader.fail(`tensor '${name}' has element type ${elementType}, which is not known`);
  if (shape.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    reader.fail(`tensor '${name}' has the shape [${shape}]`);
  }
  const what = `tensor '${name}'`;
  const place = (): Place => {
    if (external) return placeOutside(reader, name, location);
    if (integers.length > 0) return { data: packIntegers(elementType, integers) };
    if (loose.length > 0) return { data: Buffer.concat(loose) };
    return inside ? { path: reader.path, offset: inside.offset } : { data: new Uint8Array(0) };
  };
  const found = place();
  const stated = 'data' in found ? found.data.length : external ? Number(location.length ?? bytes) : inside!.length;
  if (stated !== bytes) reader.fail(`${what} of shape [${shape}] needs ${bytes} bytes and has ${stated}`);
  return {
    name,
    elementType,
    shape,
    bytes,
    read: () => ('data' in found ? [found.data] : readRange(found.path, found.offset, bytes, what)),
  };
}

export function readEntry(reader: ProtoReader, end: number): [key: string, value: string] {
  let key = '';
  let value = '';
  while (reader.next(end)) {
    if (reader.field === fields.entry.key) key = reader.text(end, 'a key');
    else if (reader.field === fields.entry.value) value = reader.text(end, 'a value');
    else reader.skip(end, `field ${reader.field} of an entry`);
  }
  return [key, value];
}

/** ONNX wants locations below the model's folder; one that leads out of it may be anybody's file. */
function placeOutside(
  reader: ProtoReader,
  name: string,
  { location = '', offset = '0' }: Readonly<Record<string, string>>,
): Place {
  const path = normalize(location);
  if (location === '' || isAbsolute(path) || path.split(/[\\/]/)[0] === '..') {
    reader.fail(`tensor '${name}' has its data at '${location}', which is not below the model's folder`);
  }
  const start = Number(offset);
  if (!Number.isSafeInteger(start) || start < 0) reader.fail(`tensor '${name}' has its data at offset '${offset}'`);
  return { path: join(dirname(reader.path), path), offset: start };
}

const { uint8, int8, int32, int64, bool, float16, bfloat16 } = elementTypes;
const viewOf: Readonly<Record<number, (values: readonly (number | bigint)[]) => ArrayBufferView>> = {
  [uint8]: (values) => Uint8Array.from(values, Number),
  [int8]: (values) => Int8Array.from(values, Number),
  [bool]: (values) => Uint8Array.from(values, Number),
  [int32]: (values) => Int32Array.from(values, Number),
  [int64]: (values) => BigInt64Array.from(values, BigInt),
  [float16]: (values) => Uint16Array.from(values, Number),
  [bfloat16]: (values) => Uint16Array.from(values, Number),
  4: (values) => Uint16Array.from(values, Number),
  5: (values) => Int16Array.from(values, Number),
  12: (values) => Uint32Array.from(values, Number),
  13: (values) => BigUint64Array.from(values, BigInt),
};

/** Values of int32_data and its kin as a payload; types that lie packed there (INT4) are bytes already. */
function packIntegers(elementType: number, values: readonly (number | bigint)[]): Uint8Array {
  const view = (viewOf[elementType] ?? viewOf[uint8]!)(values);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
