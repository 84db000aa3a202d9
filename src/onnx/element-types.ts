import { elementCount } from '../tensor/index.ts';

/** Numbers of TensorProto.DataType that conch's passes speak of; source: onnx.proto. */
export const elementTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

/** Bits of an element, by TensorProto.DataType; types of less than a byte lie packed. Strings have no fixed size. */
const bits: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  14: 64,
  15: 128,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
  24: 8,
  25: 2,
  26: 2,
};

/** Bytes of a tensor's payload; undefined for strings and for types that are not known. */
export function payloadBytes(elementType: number, shape: readonly number[]): number | undefined {
  const size = bits[elementType];
  return size === undefined ? undefined : Math.ceil((elementCount(shape) * size) / 8);
}
