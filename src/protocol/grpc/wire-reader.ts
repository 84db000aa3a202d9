import { ConchError, type ErrorCode } from '../../base/index.ts';
import { knownText } from '../http/text.ts';

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** protobuf's own bound on how deep messages and groups may nest. */
const maxDepth = 100;

/**
 * Walks the fields of a protobuf message in memory. Nothing is copied or allocated for what is skipped, and no length is
 * believed before it is held against the bytes that are there. Every complaint is the ConchError `code` with the byte
 * offset.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  /** Offset of the next byte. */
  position: number;
  /** Where the message that is being read ends. */
  end: number;
  /** Number and wire type of the field that `next` has just entered. */
  field = 0;
  wireType = 0;
  readonly #subject: string;
  readonly #code: ErrorCode;
  #view: DataView | undefined;

  /** `subject` begins every complaint, e.g. "request message". */
  constructor(bytes: Uint8Array, subject: string, code: ErrorCode) {
    this.bytes = bytes;
    this.position = 0;
    this.end = bytes.length;
    this.#subject = subject;
    this.#code = code;
  }

  /** Enters the next field; false at the end of the message. */
  next(): boolean {
    if (this.position >= this.end) return false;
    const byte = this.bytes[this.position]!;
    let tag = byte;
    if (byte < 0x80) this.position += 1;
    else tag = this.uint32('a tag');
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) this.fail('field number 0 is not legal');
    if (this.wireType > 5) this.fail(`wire type ${this.wireType} does not exist`);
    return true;
  }

  /** Whether the field just entered has this wire type; otherwise it is to be skipped as an unknown one. */
  is(wireType: number): boolean {
    return this.wireType === wireType;
  }

  /** A length, held against what is left; the field's bytes are `[position, the result)`. */
  length(): number {
    const byte = this.position < this.end ? this.bytes[this.position]! : 0x80;
    let length = byte;
    if (byte < 0x80) this.position += 1;
    else length = this.uint32('a length');
    const stop = this.position + length;
    if (stop > this.end)
      this.fail(`field ${this.field} announces ${length} bytes, ${this.end - this.position} are left`);
    return stop;
  }

  /** Text; invalid UTF-8 is refused, as protobuf wants of `string`. */
  text(): string {
    const stop = this.length();
    const start = this.position;
    this.position = stop;
    if (start === stop) return '';
    const { bytes } = this;
    const hash = bytes[start]! * 31 + bytes[(start + stop) >> 1]! * 17 + bytes[stop - 1]! * 7 + stop - start;
    const text = knownText(bytes, start, stop, hash);
    // Only a broken sequence, or U+FFFD itself, comes out as U+FFFD.
    if (text.includes('\ufffd') && !isUtf8(bytes, start, stop)) this.fail(`field ${this.field} is not valid UTF-8`);
    return text;
  }

  /** The bytes of the field, as a view. */
  view(): Uint8Array {
    const stop = this.length();
    const view = this.bytes.subarray(this.position, stop);
    this.position = stop;
    return view;
  }

  /** A varint's low 32 bits, as int32, uint32, bool and enumerations want them. */
  uint32(what = 'a varint'): number {
    const { bytes, end } = this;
    let value = 0;
    for (let index = 0; index < 10; index++) {
      if (this.position >= end) this.fail(`${what} is cut off`);
      const byte = bytes[this.position++]!;
      if (index < 5) value |= (byte & 0x7f) << (7 * index);
      // What should be a length or a tag must not be read as a smaller one.
      if (what !== 'a varint' && index === 4 && byte > 0x0f) this.fail(`${what} is beyond 32 bits`);
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail(`${what} runs over 10 bytes`);
  }

  /** A 64-bit varint: a number while it is safe, a bigint beyond. */
  int64(signed: boolean): number | bigint {
    const { bytes, end } = this;
    const first = this.position < end ? bytes[this.position]! : 0x80;
    if (first < 0x80) {
      this.position += 1;
      return first;
    }
    let low = 0;
    let high = 0;
    for (let index = 0; ; index++) {
      if (index === 10) this.fail('a varint runs over 10 bytes');
      if (this.position >= end) this.fail('a varint is cut off');
      const byte = bytes[this.position++]!;
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (index < 9) high |= bits << (7 * index - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) break;
    }
    return fromHalves(low >>> 0, signed ? high | 0 : high >>> 0);
  }

  fixed32(): number {
    const at = this.#take(4);
    return this.#dataView().getUint32(at, true);
  }

  /** As `int64`, for fixed64 and sfixed64. */
  fixed64(signed: boolean): number | bigint {
    const at = this.#take(8);
    const view = this.#dataView();
    return fromHalves(view.getUint32(at, true), signed ? view.getInt32(at + 4, true) : view.getUint32(at + 4, true));
  }

  float(): number {
    const at = this.#take(4);
    return this.#dataView().getFloat32(at, true);
  }

  double(): number {
    const at = this.#take(8);
    return this.#dataView().getFloat64(at, true);
  }

  /** Leaves the field just entered without looking at its content. */
  skip(): void {
    switch (this.wireType) {
      case wireTypes.varint:
        this.uint32();
        return;
      case wireTypes.fixed64:
        this.#take(8);
        return;
      case wireTypes.bytes:
        this.position = this.length();
        return;
      case wireTypes.fixed32:
        this.#take(4);
        return;
      case wireTypes.groupStart:
        this.#skipGroup();
        return;
      default:
        this.fail(`group ${this.field} ends without having begun`);
    }
  }

  /** Without recursion, so that nesting costs nothing. */
  #skipGroup(): void {
    const open = [this.field];
    while (open.length > 0) {
      if (!this.next()) this.fail(`group ${open.at(-1)} does not end`);
      if (this.wireType === wireTypes.groupStart) {
        if (open.length >= maxDepth) this.fail(`groups nest deeper than ${maxDepth}`);
        open.push(this.field);
      } else if (this.wireType === wireTypes.groupEnd) {
        if (open.pop() !== this.field) this.fail(`group ${this.field} ends inside another`);
      } else this.skip();
    }
  }

  #take(size: number): number {
    const at = this.position;
    if (at + size > this.end) this.fail(`field ${this.field} is cut off`);
    this.position = at + size;
    return at;
  }

  #dataView(): DataView {
    this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    return this.#view;
  }

  fail(problem: string): never {
    throw new ConchError(this.#code, `${this.#subject}: ${problem} (at byte ${this.position})`);
  }
}

function fromHalves(low: number, high: number): number | bigint {
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

const strict = new TextDecoder('utf-8', { fatal: true });

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    strict.decode(bytes.subarray(start, end));
    return true;
  } catch {
    return false;
  }
}
