import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ConchError } from '../base/index.ts';

const windowBytes = 1 << 16;
/** Far more than real graphs have outside their tensor payloads; a file beyond it is refused instead of walked for minutes. */
const maxFields = 20_000_000;
/** Names and metadata that may be kept in memory for one file. */
const maxTextBytes = 64 << 20;

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Walks protobuf fields of a file through a 64 KiB window, seeking over what is skipped: tensor payloads of any size
 * cost neither memory nor reading. Every complaint is ONNX_INVALID with the file and the byte offset.
 */
export class ProtoReader {
  readonly path: string;
  readonly size: number;
  /** Offset of the next byte. */
  position = 0;
  /** Number and wire type of the field that `next` has just entered. */
  field = 0;
  wireType = 0;
  readonly #file: number;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #windowStart = 0;
  #windowEnd = 0;
  #fieldStart = 0;
  #fields = 0;
  #textBytes = 0;

  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, 'r');
    } catch (cause) {
      throw missing(path, cause);
    }
    const stat = fstatSync(this.#file);
    this.size = stat.size;
    if (!stat.isFile()) {
      this.close();
      throw missing(path);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** The first bytes of the file, at most 64 KiB. */
  head(length: number): Buffer {
    const bytes = Buffer.alloc(Math.min(length, this.size));
    return bytes.subarray(0, readSync(this.#file, bytes, 0, bytes.length, 0));
  }

  /** Enters the next field before `end`; false at the end of the message. */
  next(end: number): boolean {
    if (this.position >= end) return false;
    this.#fieldStart = this.position;
    if (++this.#fields > maxFields) this.fail(`more than ${maxFields} fields, which no model needs`);
    const tag = this.#varint(end);
    this.field = tag.high * 2 ** 29 + (tag.low >>> 3);
    this.wireType = tag.low & 7;
    if (this.field === 0) this.fail('field number 0 is not legal in protobuf');
    if (this.wireType === 3 || this.wireType === 4 || this.wireType > 5) {
      this.fail(`wire type ${this.wireType} is not used by ONNX`);
    }
    return true;
  }

  /** The end offset of the length-delimited field just entered. `what` names it in errors, e.g. "initializer 'x'". */
  message(end: number, what: string): number {
    this.#expect(wireTypes.bytes, what);
    const { high, low } = this.#varint(end);
    const length = high * 2 ** 32 + low;
    if (this.position + length <= end) return this.position + length;
    const left = end - this.position;
    return end === this.size
      ? this.fail(`${what} announces ${length} bytes but the file ends after ${left}; it is truncated`)
      : this.fail(`${what} announces ${length} bytes but its enclosing message has ${left} left`);
  }

  /** A signed 64-bit field; exact up to 2^53. */
  integer(end: number, what: string): number {
    this.#expect(wireTypes.varint, what);
    const { high, low } = this.#varint(end);
    return (high | 0) * 2 ** 32 + low;
  }

  /** The same, exact over all 64 bits: a bigint where a number would not be. */
  exactInteger(end: number, what: string): number | bigint {
    this.#expect(wireTypes.varint, what);
    return exact(this.#varint(end));
  }

  /** One number of a repeated integer field, or all where they are packed. */
  integers(end: number, what: string): (number | bigint)[] {
    if (this.wireType === wireTypes.varint) return [this.exactInteger(end, what)];
    const stop = this.message(end, what);
    const values: (number | bigint)[] = [];
    while (this.position < stop) values.push(exact(this.#varint(stop)));
    return values;
  }

  /** One number of a repeated float field, or all where they are packed. */
  floats(end: number, what: string): number[] {
    const single = this.wireType === wireTypes.fixed32;
    const stop = single ? this.position + 4 : this.message(end, what);
    if (stop > end) this.fail(`${what} is cut off`);
    const bytes = this.bytes(stop, what);
    return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(4 * index));
  }

  /** The bytes up to `stop`, in memory of their own. */
  bytes(stop: number, what: string): Buffer {
    const length = stop - this.position;
    if (length > maxTextBytes) this.fail(`${what} has ${length} bytes, more than ${maxTextBytes >> 20} MiB`);
    const bytes = Buffer.alloc(length);
    if (readSync(this.#file, bytes, 0, length, this.position) < length) this.fail(`${what} could not be read`);
    this.position = stop;
    return bytes;
  }

  text(end: number, what: string): string {
    const stop = this.message(end, what);
    const length = stop - this.position;
    this.#textBytes += length;
    if (this.#textBytes > maxTextBytes) this.fail(`names and metadata exceed ${maxTextBytes >> 20} MiB`);
    let text: string;
    if (length <= this.#available(length)) {
      const start = this.position - this.#windowStart;
      text = this.#window.toString('utf8', start, start + length);
    } else {
      const bytes = Buffer.allocUnsafe(length);
      if (readSync(this.#file, bytes, 0, length, this.position) < length) this.fail(`${what} could not be read`);
      text = bytes.toString('utf8');
    }
    this.position = stop;
    return text;
  }

  /** Leaves the field just entered without reading its content. */
  skip(end: number, what: string): void {
    if (this.wireType === wireTypes.varint) this.#varint(end);
    else if (this.wireType === wireTypes.bytes) this.position = this.message(end, what);
    else {
      const length = this.wireType === wireTypes.fixed32 ? 4 : 8;
      if (this.position + length > end) this.fail(`${what} is cut off`);
      this.position += length;
    }
  }

  fail(problem: string): never {
    throw new ConchError('ONNX_INVALID', `${this.path}: ${problem.slice(0, 1000)} (at byte ${this.#fieldStart})`, {
      where: { file: this.path },
      fix: 'export or download the model again',
    });
  }

  #expect(wireType: number, what: string): void {
    if (this.wireType !== wireType) {
      this.fail(`${what} has wire type ${this.wireType} where ${wireType} belongs; this is not an ONNX model`);
    }
  }

  /** Bytes of the window from the position on, after making sure that up to `wanted` (at most a window) are there. */
  #available(wanted: number): number {
    const offset = this.position - this.#windowStart;
    if (offset < 0 || this.position + Math.min(wanted, windowBytes) > this.#windowEnd) {
      this.#windowStart = this.position;
      const read = readSync(this.#file, this.#window, 0, windowBytes, this.position);
      this.#windowEnd = this.position + read;
    }
    return this.#windowEnd - this.position;
  }

  /** A varint as two unsigned 32-bit halves, so that no bigint is made on the way. */
  #varint(end: number): { high: number; low: number } {
    const limit = Math.min(10, end - this.position, this.#available(10));
    const start = this.position - this.#windowStart;
    let low = 0;
    let high = 0;
    for (let index = 0; index < limit; index++) {
      const byte = this.#window[start + index]!;
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) {
        this.position += index + 1;
        return { high: high >>> 0, low: low >>> 0 };
      }
    }
    return this.fail(limit === 10 ? 'a varint runs over 10 bytes' : 'a varint is cut off');
  }
}

function exact({ high, low }: { high: number; low: number }): number | bigint {
  const value = (high | 0) * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high | 0) << 32n) | BigInt(low);
}

function missing(path: string, cause?: unknown): ConchError {
  return new ConchError('FILE_NOT_FOUND', `${path} does not exist, cannot be read, or is not a file`, {
    where: { file: path },
    cause,
  });
}
