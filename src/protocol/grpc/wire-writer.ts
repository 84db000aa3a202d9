import { textByteLength } from '../http/text.ts';
import { wireTypes } from './wire-reader.ts';

const encoder = new TextEncoder();
const hasBuffer = typeof Buffer !== 'undefined';

/**
 * Grows a byte buffer with protobuf fields. A nested message is opened, written and closed in place: its length is put
 * in front once it is known.
 */
export class WireWriter {
  #bytes: Uint8Array;
  #view: DataView | undefined;
  #length = 0;

  constructor(size = 256) {
    this.#bytes = new Uint8Array(size);
  }

  /** A view of what was written so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** An unsigned number, or a signed one in ten bytes, as protobuf wants negative numbers. */
  varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'bigint' || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest > 0x7fn) {
        this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
        rest >>= 7n;
      }
      this.#bytes[this.#length++] = Number(rest);
      return;
    }
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  fixed32(value: number): void {
    const at = this.#advance(4);
    this.#dataView().setUint32(at, value, true);
  }

  fixed64(value: bigint): void {
    const at = this.#advance(8);
    this.#dataView().setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  float(value: number): void {
    const at = this.#advance(4);
    this.#dataView().setFloat32(at, value, true);
  }

  double(value: number): void {
    const at = this.#advance(8);
    this.#dataView().setFloat64(at, value, true);
  }

  /** A whole `string` field. */
  text(field: number, value: string): void {
    this.tag(field, wireTypes.bytes);
    const length = textByteLength(value);
    this.varint(length);
    const at = this.#advance(length);
    if (hasBuffer) Buffer.prototype.utf8Write.call(this.#bytes, value, at, length);
    else encoder.encodeInto(value, this.#bytes.subarray(at));
  }

  /** A whole `bytes` field. */
  data(field: number, value: Uint8Array): void {
    this.head(field, value.length);
    const at = this.#advance(value.length);
    this.#bytes.set(value, at);
  }

  /** Only tag and length of a length-delimited field whose `length` bytes the caller sends from elsewhere. */
  head(field: number, length: number): void {
    this.tag(field, wireTypes.bytes);
    this.varint(length);
  }

  /** Opens a nested message; the result is for `close`. */
  open(field: number): number {
    this.tag(field, wireTypes.bytes);
    // Most messages are shorter than 128 bytes: one byte is kept for the length.
    this.#reserve(1);
    this.#length += 1;
    return this.#length;
  }

  close(start: number): void {
    const length = this.#length - start;
    let extra = 0;
    for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 128)) extra += 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, this.#length);
    }
    this.#length = start - 1;
    this.varint(length);
    this.#length += length;
  }

  #advance(size: number): number {
    this.#reserve(size);
    const at = this.#length;
    this.#length += size;
    return at;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.bytes);
    this.#bytes = grown;
    this.#view = undefined;
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.#bytes.buffer);
    return this.#view;
  }
}
