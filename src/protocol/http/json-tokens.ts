import { ConchError, type ErrorCode } from '../../base/index.ts';
import { valueOfDigits } from './decimal.ts';
import { knownText, textOf } from './text.ts';

export const quote = 0x22;
export const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
export const colon = 0x3a;
const backslash = 0x5c;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;

/**
 * The words of JSON, read from bytes: strings, numbers, literals. The dialect is Triton's: RFC 8259 plus the numbers
 * NaN, Inf and Infinity; integers and other numbers are told apart by how they are written (`1` and `1.0`); text inside
 * strings is not required to be valid UTF-8.
 */
export class JsonTokens {
  readonly bytes: Uint8Array;
  readonly end: number;
  position = 0;
  /** Of the number read last: written as an integer, and from -2^63 to 2^64 - 1. */
  private isInteger = false;
  private numberStart = 0;
  private readonly subject: string;
  private readonly code: ErrorCode;

  /** `subject` begins the messages of errors, which carry `code`. */
  constructor(bytes: Uint8Array, end = bytes.length, subject = 'request JSON', code: ErrorCode = 'REQUEST_MALFORMED') {
    this.bytes = bytes;
    this.end = end;
    this.subject = subject;
    this.code = code;
  }

  fail(reason: string, at = this.position): never {
    throw new ConchError(this.code, `${this.subject}: ${reason} at byte ${at}`);
  }

  /** Skips white space; the byte that follows, which stays unread, or -1 at the end. */
  peek(): number {
    const { bytes, end } = this;
    let position = this.position;
    while (position < end) {
      const byte = bytes[position]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.position = position;
        return byte;
      }
      position++;
    }
    this.position = end;
    return -1;
  }

  readString(what: string): string {
    if (this.peek() !== quote) this.fail(`${what} must be a string, got ${this.describe()}`);
    const { bytes, end } = this;
    const start = this.position + 1;
    let hash = 0;
    for (let position = start; position < end; position++) {
      const byte = bytes[position]!;
      if (byte === quote) {
        this.position = position + 1;
        return knownText(bytes, start, position, hash);
      }
      hash = (Math.imul(hash, 31) + byte) | 0;
      if (byte === backslash) break;
      if (byte < 0x20) this.fail('control character in a string', position);
    }
    const length = this.skipString();
    const out = new Uint8Array(length);
    this.position = start - 1;
    this.copyString(out, 0);
    return textOf(out, 0, length);
  }

  /** Passes over a string that starts here; the number of its bytes once escapes are resolved. */
  skipString(): number {
    const { bytes, end } = this;
    const opening = this.position;
    let length = 0;
    let position = opening + 1;
    while (position < end) {
      const byte = bytes[position]!;
      if (byte === quote) {
        this.position = position + 1;
        return length;
      }
      if (byte < 0x20) this.fail('control character in a string', position);
      if (byte === backslash) {
        const codePoint = this.escape(position);
        length += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
        position = this.position;
      } else {
        length++;
        position++;
      }
    }
    this.fail('a string has no closing quote', opening);
  }

  /** Copies the bytes of a string that starts here, escapes resolved, to `out` at `offset`; the offset after them. */
  copyString(out: Uint8Array, offset: number): number {
    const { bytes } = this;
    let position = this.position + 1;
    for (;;) {
      const byte = bytes[position]!;
      if (byte === quote) {
        this.position = position + 1;
        return offset;
      }
      if (byte === backslash) {
        offset = putUtf8(this.escape(position), out, offset);
        position = this.position;
      } else {
        out[offset++] = byte;
        position++;
      }
    }
  }

  /** The code point of the escape at `position`, leaving the reader behind it. */
  private escape(position: number): number {
    const { bytes } = this;
    const letter = position + 1 < this.end ? bytes[position + 1]! : -1;
    this.position = position + 2;
    if (letter !== 0x75) {
      const at = escapeLetters.indexOf(letter);
      if (at === -1) this.fail('unknown escape in a string', position);
      return escapeValues[at]!;
    }
    const unit = this.hex4(position);
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    const follows = bytes[this.position] === backslash && bytes[this.position + 1] === 0x75;
    if (unit > 0xdbff || !follows) this.fail('half a surrogate pair in a string', position);
    this.position += 2;
    const low = this.hex4(position);
    if (low < 0xdc00 || low > 0xdfff) this.fail('half a surrogate pair in a string', position);
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }

  private hex4(escapeStart: number): number {
    const digits = this.position + 4 <= this.end ? textOf(this.bytes, this.position, this.position + 4) : '';
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('\\u needs four hexadecimal digits', escapeStart);
    this.position += 4;
    return Number.parseInt(digits, 16);
  }

  readBoolean(what: string): boolean {
    const byte = this.peek();
    if (byte === 0x74 && this.take('true')) return true;
    if (byte === 0x66 && this.take('false')) return false;
    this.fail(`${what} must be true or false, got ${this.describe()}`);
  }

  /** Any number, correctly rounded to a double. */
  readNumber(what: string): number {
    return this.number(what, false);
  }

  /** Any number, as a double that `Math.fround` turns into the nearest binary32. Faster for long fractions. */
  readFloat32(what: string): number {
    return this.number(what, true);
  }

  /** Any number; an integer beyond 2^53 that fits 64 bits as a bigint. */
  readAnyNumber(what: string): number | bigint {
    const value = this.number(what, false);
    return this.isInteger && !Number.isSafeInteger(value) ? this.exactInteger() : value;
  }

  /** The integer read last, exact; only where `isInteger`. */
  private exactInteger(): bigint {
    return BigInt(textOf(this.bytes, this.numberStart, this.position));
  }

  /** A number written as an integer without sign, below 2^64; a bigint beyond 2^53. */
  readUnsigned(what: string): number | bigint {
    if (this.peek() === minus) this.fail(`${what} must be an unsigned integer, got ${this.describe()}`);
    return this.readInteger(what, 'an unsigned integer');
  }

  /** A number written as an integer, from -2^63 to 2^64 - 1; a bigint beyond 2^53. */
  readInteger(what: string, expected = 'an integer'): number | bigint {
    const value = this.number(what, false);
    if (!this.isInteger) {
      this.fail(`${what} must be ${expected}, got ${this.describe(this.numberStart)}`, this.numberStart);
    }
    return Number.isSafeInteger(value) ? value : this.exactInteger();
  }

  /** Digits are gathered in a double, which mostly says the number; what it does not say goes to Number(). */
  private number(what: string, single: boolean): number {
    let byte = this.peek();
    const { bytes, end } = this;
    const start = this.position;
    this.numberStart = start;
    this.isInteger = false;
    let position = start;
    const negative = byte === minus;
    if (negative) byte = ++position < end ? bytes[position]! : -1;
    if (byte < zero || byte > 0x39) return this.literal(what, start, position, negative);

    let mantissa = 0;
    let digits = 0;
    const integerStart = position;
    do {
      mantissa = mantissa * 10 + (byte - zero);
      if (mantissa !== 0) digits++;
      byte = ++position < end ? bytes[position]! : -1;
    } while (byte >= zero && byte <= 0x39);
    if (position - integerStart > 1 && bytes[integerStart] === zero) this.fail('a number has leading zeros', start);

    let scale = 0;
    let plain = true;
    if (byte === dot) {
      plain = false;
      const fractionStart = position + 1;
      for (;;) {
        byte = ++position < end ? bytes[position]! : -1;
        if (byte < zero || byte > 0x39) break;
        mantissa = mantissa * 10 + (byte - zero);
        if (mantissa !== 0) digits++;
      }
      scale = fractionStart - position;
      if (scale === 0) this.fail("a number needs a digit after '.'", start);
    }
    if (byte === 0x65 || byte === 0x45) {
      plain = false;
      byte = ++position < end ? bytes[position]! : -1;
      const down = byte === minus;
      if (down || byte === 0x2b) byte = ++position < end ? bytes[position]! : -1;
      if (byte < zero || byte > 0x39) this.fail('a number needs a digit in its exponent', start);
      let exponent = 0;
      do {
        if (exponent < 100_000) exponent = exponent * 10 + (byte - zero);
        byte = ++position < end ? bytes[position]! : -1;
      } while (byte >= zero && byte <= 0x39);
      scale += down ? -exponent : exponent;
    }
    this.position = position;

    if (plain) {
      // Counting digits first keeps BigInt away from texts of a million digits.
      this.isInteger = mantissa <= Number.MAX_SAFE_INTEGER || (digits <= 20 && this.fitsInteger64(negative));
      if (digits <= 15) return negative ? -mantissa : mantissa;
    }
    const near = valueOfDigits(mantissa, digits, scale, single);
    if (near >= 0) return negative ? -near : near;
    const value = Number(textOf(bytes, start, position));
    if (!Number.isFinite(value)) this.fail('a number is too big for a double', start);
    return value;
  }

  private fitsInteger64(negative: boolean): boolean {
    const value = this.exactInteger();
    return negative ? value >= -(2n ** 63n) : value < 2n ** 64n;
  }

  private literal(what: string, start: number, position: number, negative: boolean): number {
    this.position = position;
    const sign = negative ? -1 : 1;
    if (this.take('NaN')) return Number.NaN;
    if (this.take('Infinity') || this.take('Inf')) return sign * Number.POSITIVE_INFINITY;
    this.position = start;
    this.fail(`${what} must be a number, got ${this.describe()}`);
  }

  /** Passes over `word` if it is what comes next. */
  private take(word: string): boolean {
    const { bytes, position } = this;
    if (position + word.length > this.end) return false;
    for (let index = 0; index < word.length; index++) {
      if (bytes[position + index] !== word.charCodeAt(index)) return false;
    }
    this.position = position + word.length;
    return true;
  }

  readNull(): void {
    this.peek();
    if (!this.take('null')) this.fail(`expected a value, got ${this.describe()}`);
  }

  /** What stands at `position`, for messages. */
  describe(position = this.position): string {
    const byte = position < this.end ? this.bytes[position]! : -1;
    switch (byte) {
      case -1:
        return 'the end';
      case openBrace:
        return 'an object';
      case openBracket:
        return 'an array';
      case quote:
        return 'a string';
    }
    const word = /^[-+.\w]{1,24}/.exec(textOf(this.bytes, position, Math.min(position + 24, this.end)));
    return word ? word[0] : `byte 0x${byte.toString(16).padStart(2, '0')}`;
  }
}

const escapeLetters = [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];
const escapeValues = [0x22, 0x5c, 0x2f, 0x08, 0x0c, 0x0a, 0x0d, 0x09];

function putUtf8(codePoint: number, out: Uint8Array, offset: number): number {
  if (codePoint < 0x80) {
    out[offset++] = codePoint;
  } else if (codePoint < 0x800) {
    out[offset++] = 0xc0 | (codePoint >> 6);
    out[offset++] = 0x80 | (codePoint & 63);
  } else if (codePoint < 0x10000) {
    out[offset++] = 0xe0 | (codePoint >> 12);
    out[offset++] = 0x80 | ((codePoint >> 6) & 63);
    out[offset++] = 0x80 | (codePoint & 63);
  } else {
    out[offset++] = 0xf0 | (codePoint >> 18);
    out[offset++] = 0x80 | ((codePoint >> 12) & 63);
    out[offset++] = 0x80 | ((codePoint >> 6) & 63);
    out[offset++] = 0x80 | (codePoint & 63);
  }
  return offset;
}
