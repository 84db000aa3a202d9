import { ConchError } from '../../base/index.ts';
import { type WireReader, wireTypes } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** A scalar type of protobuf: how it travels, and the value of an absent field. */
export interface Scalar {
  readonly name: string;
  readonly wireType: number;
  readonly zero: unknown;
}

const { varint, fixed32, fixed64, bytes } = wireTypes;

const list: readonly (readonly [name: string, wireType: number, zero: unknown])[] = [
  ['bool', varint, false],
  ['int32', varint, 0],
  ['int64', varint, 0],
  ['uint32', varint, 0],
  ['uint64', varint, 0],
  ['sint32', varint, 0],
  ['sint64', varint, 0],
  ['fixed32', fixed32, 0],
  ['sfixed32', fixed32, 0],
  ['float', fixed32, 0],
  ['fixed64', fixed64, 0],
  ['sfixed64', fixed64, 0],
  ['double', fixed64, 0],
  ['string', bytes, ''],
  ['bytes', bytes, new Uint8Array(0)],
];

export const scalars: { readonly [name: string]: Scalar } = Object.fromEntries(
  list.map(([name, wireType, zero]) => [name, { name, wireType, zero }]),
);

/** The value of the field just entered; 64-bit integers are numbers while they are safe, bigints beyond. */
export function readScalar(reader: WireReader, { name }: Scalar): unknown {
  switch (name) {
    case 'string':
      return reader.text();
    case 'bytes':
      return reader.view();
    case 'bool':
      return reader.int64(false) !== 0;
    case 'int32':
      return reader.uint32() | 0;
    case 'uint32':
      return reader.uint32();
    case 'int64':
    case 'uint64':
      return reader.int64(name === 'int64');
    case 'sint32': {
      const value = reader.uint32();
      return (value >>> 1) ^ -(value & 1);
    }
    case 'sint64': {
      const value = BigInt(reader.int64(false));
      const decoded = (value >> 1n) ^ -(value & 1n);
      const number = Number(decoded);
      return Number.isSafeInteger(number) ? number : decoded;
    }
    case 'float':
      return reader.float();
    case 'double':
      return reader.double();
    case 'fixed32':
      return reader.fixed32();
    case 'sfixed32':
      return reader.fixed32() | 0;
    default:
      return reader.fixed64(name === 'sfixed64');
  }
}

/** A value without its tag; not for `string` and `bytes`. Throws INTERNAL for a value that is of another type. */
export function writeScalar(writer: WireWriter, { name }: Scalar, value: unknown, field: string): void {
  if (name === 'bool') {
    writer.varint(value ? 1 : 0);
    return;
  }
  if (name === 'float' || name === 'double') {
    writer[name](Number(value));
    return;
  }
  if (typeof value !== 'bigint' && !Number.isInteger(value)) {
    throw new ConchError('INTERNAL', `${field}: ${String(value).slice(0, 40)} is not a whole number (${name})`);
  }
  const whole = value as number | bigint;
  switch (name) {
    case 'sint32':
    case 'sint64':
      writer.varint((BigInt(whole) << 1n) ^ (BigInt(whole) < 0n ? -1n : 0n));
      break;
    case 'fixed32':
    case 'sfixed32':
      writer.fixed32(Number(whole) >>> 0);
      break;
    case 'fixed64':
    case 'sfixed64':
      writer.fixed64(BigInt(whole));
      break;
    default:
      writer.varint(whole);
  }
}
