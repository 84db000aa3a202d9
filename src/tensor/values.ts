import { ConchError } from '../base/index.ts';
import { decodeStrings, encodeBytes } from './bytes.ts';
import { type Datatype, datatypes } from './datatypes.ts';
import { bfloat16ToNumber, halfToNumber, numberToBfloat16, numberToHalf } from './half.ts';
import { createTensor, elementCount, type Tensor, type TensorData } from './tensor.ts';

/** A value of a tensor as JavaScript has it. */
export type TensorValue = number | bigint | boolean | string | Uint8Array;

/**
 * A tensor of plain values: numbers (bigints for 64-bit integers, where numbers that are whole are taken too), booleans
 * for BOOL, texts or bytes for BYTES. FP16 and BF16 are rounded to the nearest, ties to even. A typed array of the data
 * type's own kind is used as it is, without a copy. Throws REQUEST_INVALID naming the tensor and the element.
 */
export function tensorOf(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: ArrayLike<TensorValue>,
): Tensor {
  const count = elementCount(shape);
  if (values.length !== count) {
    throw invalid(name, `shape [${shape}] needs ${count} elements, got ${values.length}`);
  }
  if (datatype === 'BYTES') return { name, datatype, shape, data: encodeBytes(textsOf(name, values)) };
  const { array } = datatypes[datatype];
  const raw = values.constructor === array && datatype !== 'BOOL';
  // Of FP16 and BF16 a Uint16Array holds the patterns themselves.
  if (raw) return createTensor(name, datatype, shape, values as never as TensorData);
  const data = new array(count) as unknown as (number | bigint)[];
  const convert = converters[datatype];
  for (let index = 0; index < count; index++) {
    const value = convert(values[index]!);
    if (value === undefined) throw invalid(name, `element ${index} is no ${datatype}: ${shown(values[index])}`);
    data[index] = value;
  }
  return createTensor(name, datatype, shape, data as never as TensorData);
}

/**
 * The elements of a tensor as plain values, in row-major order: numbers (FP16 and BF16 widened), bigints for 64-bit
 * integers, booleans, texts.
 */
export function valuesOf(tensor: Tensor): number[] | bigint[] | boolean[] | string[] {
  const { datatype, data } = tensor;
  switch (datatype) {
    case 'BYTES':
      return decodeStrings(data as Uint8Array);
    case 'BOOL':
      return Array.from(data as Uint8Array, (byte) => byte !== 0);
    case 'FP16':
      return Array.from(data as Uint16Array, halfToNumber);
    case 'BF16':
      return Array.from(data as Uint16Array, bfloat16ToNumber);
    default:
      return Array.from(data as Float32Array);
  }
}

type Converter = (value: TensorValue) => number | bigint | undefined;

const float =
  (round: (value: number) => number): Converter =>
  (value) =>
    typeof value === 'number' ? round(value) : undefined;

const integer =
  (bits: number, signed: boolean): Converter =>
  (value) => {
    const [least, most] = signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
    return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? (value as number)
      : undefined;
  };

const long =
  (least: bigint, most: bigint): Converter =>
  (value) => {
    const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    return whole !== undefined && whole >= least && whole <= most ? whole : undefined;
  };

const converters: { readonly [name in Exclude<Datatype, 'BYTES'>]: Converter } = {
  BOOL: (value) => (typeof value === 'boolean' ? Number(value) : value === 0 || value === 1 ? value : undefined),
  INT8: integer(8, true),
  INT16: integer(16, true),
  INT32: integer(32, true),
  INT64: long(-(2n ** 63n), 2n ** 63n - 1n),
  UINT8: integer(8, false),
  UINT16: integer(16, false),
  UINT32: integer(32, false),
  UINT64: long(0n, 2n ** 64n - 1n),
  FP16: float(numberToHalf),
  BF16: float(numberToBfloat16),
  FP32: float((value) => value),
  FP64: float((value) => value),
};

function textsOf(name: string, values: ArrayLike<TensorValue>): (string | Uint8Array)[] {
  return Array.from(values, (value, index) => {
    if (typeof value === 'string' || value instanceof Uint8Array) return value;
    throw invalid(name, `element ${index} is neither text nor bytes: ${shown(value)}`);
  });
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}

function invalid(name: string, what: string): ConchError {
  return new ConchError('REQUEST_INVALID', `tensor '${name}': ${what}`, { where: { path: name } });
}
