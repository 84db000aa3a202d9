/**
 * The one table of element types: Triton's protocol string, config.pbtxt's enum with its number, ONNX's TensorProto
 * number, safetensors' and TensorRT's names, size in bytes (0: variable), and the JavaScript array that views it.
 * Sources: Triton's model_config (DataType), onnx.proto (TensorProto.DataType), safetensors' format description.
 * FP16 and BF16 are viewed as their 16-bit patterns; BOOL as bytes; BYTES as its framed wire form (see bytes.ts).
 */
const table = {
  BOOL: { config: 'TYPE_BOOL', number: 1, onnx: 9, safetensors: 'BOOL', tensorrt: 'BOOL', size: 1, array: Uint8Array },
  UINT8: { config: 'TYPE_UINT8', number: 2, onnx: 2, safetensors: 'U8', tensorrt: 'UINT8', size: 1, array: Uint8Array },
  UINT16: {
    config: 'TYPE_UINT16',
    number: 3,
    onnx: 4,
    safetensors: 'U16',
    tensorrt: null,
    size: 2,
    array: Uint16Array,
  },
  UINT32: {
    config: 'TYPE_UINT32',
    number: 4,
    onnx: 12,
    safetensors: 'U32',
    tensorrt: null,
    size: 4,
    array: Uint32Array,
  },
  UINT64: {
    config: 'TYPE_UINT64',
    number: 5,
    onnx: 13,
    safetensors: 'U64',
    tensorrt: null,
    size: 8,
    array: BigUint64Array,
  },
  INT8: { config: 'TYPE_INT8', number: 6, onnx: 3, safetensors: 'I8', tensorrt: 'INT8', size: 1, array: Int8Array },
  INT16: { config: 'TYPE_INT16', number: 7, onnx: 5, safetensors: 'I16', tensorrt: null, size: 2, array: Int16Array },
  INT32: {
    config: 'TYPE_INT32',
    number: 8,
    onnx: 6,
    safetensors: 'I32',
    tensorrt: 'INT32',
    size: 4,
    array: Int32Array,
  },
  INT64: {
    config: 'TYPE_INT64',
    number: 9,
    onnx: 7,
    safetensors: 'I64',
    tensorrt: 'INT64',
    size: 8,
    array: BigInt64Array,
  },
  FP16: {
    config: 'TYPE_FP16',
    number: 10,
    onnx: 10,
    safetensors: 'F16',
    tensorrt: 'HALF',
    size: 2,
    array: Uint16Array,
  },
  FP32: {
    config: 'TYPE_FP32',
    number: 11,
    onnx: 1,
    safetensors: 'F32',
    tensorrt: 'FLOAT',
    size: 4,
    array: Float32Array,
  },
  FP64: { config: 'TYPE_FP64', number: 12, onnx: 11, safetensors: 'F64', tensorrt: null, size: 8, array: Float64Array },
  BYTES: { config: 'TYPE_STRING', number: 13, onnx: 8, safetensors: null, tensorrt: null, size: 0, array: Uint8Array },
  BF16: {
    config: 'TYPE_BF16',
    number: 14,
    onnx: 16,
    safetensors: 'BF16',
    tensorrt: 'BF16',
    size: 2,
    array: Uint16Array,
  },
} as const;

/** Triton's protocol name of an element type (what requests and metadata say). */
export type Datatype = keyof typeof table;
/** config.pbtxt's name of an element type, without TYPE_INVALID. */
export type ConfigDatatype = (typeof table)[Datatype]['config'];

export interface DatatypeInfo {
  readonly name: Datatype;
  readonly config: ConfigDatatype;
  /** Number in Triton's DataType enum. */
  readonly number: number;
  /** Number in ONNX's TensorProto.DataType. */
  readonly onnx: number;
  readonly safetensors: string | null;
  readonly tensorrt: string | null;
  /** Bytes an element; 0 for BYTES, whose elements carry their own length. */
  readonly size: number;
  readonly array: TensorArrayConstructor;
}

export type TensorArrayConstructor = (typeof table)[Datatype]['array'];

export const datatypes: { readonly [name in Datatype]: DatatypeInfo } = Object.freeze(
  Object.fromEntries(Object.entries(table).map(([name, row]) => [name, Object.freeze({ name, ...row })])),
) as never;

const rows = Object.values(datatypes);
const byConfig = new Map(rows.map((row) => [row.config as string, row]));
const byOnnx = new Map(rows.map((row) => [row.onnx, row]));
const bySafetensors = new Map(rows.filter((row) => row.safetensors).map((row) => [row.safetensors as string, row]));

export function isDatatype(name: string): name is Datatype {
  return Object.hasOwn(table, name);
}
/** From config.pbtxt's enum name, e.g. `TYPE_FP32`. */
export function datatypeFromConfig(name: string | undefined): DatatypeInfo | undefined {
  return name === undefined ? undefined : byConfig.get(name);
}
/** From ONNX's TensorProto.DataType number. */
export function datatypeFromOnnx(number: number): DatatypeInfo | undefined {
  return byOnnx.get(number);
}
/** From a safetensors header's `dtype`. */
export function datatypeFromSafetensors(name: string): DatatypeInfo | undefined {
  return bySafetensors.get(name);
}
