/**
 * Bytes as text. A byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 plus the byte, so that offsets
 * stay meaningful and `decodeLiterals` can tell it from a character that the file holds.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return text.includes('\ufffd') ? decodeMarkingInvalid(bytes) : text;
}

function decodeMarkingInvalid(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const first = bytes[at]!;
    // The lead byte keeps 7 bits of a single one, 5, 4 or 3 of a longer sequence; each further byte adds 6.
    let code = length === 0 ? 0xdc00 + first : length === 1 ? first : first & (0x7f >> length);
    for (let offset = 1; offset < length; offset++) code = (code << 6) | (bytes[at + offset]! & 0x3f);
    if (code > 0xffff) {
      units[count++] = 0xd7c0 + (code >> 10);
      code = 0xdc00 + (code & 0x3ff);
    }
    units[count++] = code;
    at += length || 1;
  }
  return Buffer.from(units.buffer, 0, 2 * count).toString('utf16le');
}

/** Length of the valid UTF-8 sequence at an offset, 0 if there is none (Unicode, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let offset = 2; offset < length; offset++) if (((bytes[at + offset] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/**
 * The value of adjacent string literals. Undefined when their bytes together are not valid UTF-8, or without the bytes
 * that are not when `drop` is set.
 *
 * @param literals start and end of each literal in `text`, quotes included.
 */
export function decodeLiterals(text: string, literals: readonly number[], drop = false): string | undefined {
  let value = '';
  let bytesNeeded = false;
  for (let index = 0; index < literals.length; index += 2) {
    const body = literalBody(text, literals[index]!, literals[index + 1]!);
    value += body;
    bytesNeeded ||= body.includes('\\');
  }
  if (bytesNeeded) value = decodeEscapes(text, literals);
  if (value.isWellFormed()) return value;
  return drop ? value.replaceAll(/\p{Surrogate}/gu, '') : undefined;
}

function literalBody(text: string, start: number, end: number): string {
  // An unterminated literal, which the lexer has reported, lacks its closing quote.
  const [open, close] = [text.charCodeAt(start), text.charCodeAt(end - 1)];
  const closed = end - start > 1 && (open === close || (open >= 128 && close >= 128));
  return text.slice(start + 1, closed ? end - 1 : end);
}

const escapePattern =
  /\\(?:(?:u|U0000)([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|(?:u([\da-fA-F]{4})|U(00[01][\da-fA-F]{5}))|[xX]([\da-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g;
const simple: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/**
 * Each escape becomes its bytes, which may form a character only together with their neighbours, in another literal too:
 * "\xc3" "\xa9" is é. Works on a string whose characters are bytes, then decodes the whole.
 */
function decodeEscapes(text: string, literals: readonly number[]): string {
  let bytes = '';
  for (let index = 0; index < literals.length; index += 2) {
    const body = literalBody(text, literals[index]!, literals[index + 1]!);
    let last = 0;
    for (const match of body.matchAll(escapePattern)) {
      bytes += byteString(body.slice(last, match.index)) + escapedBytes(match);
      last = match.index + match[0].length;
    }
    bytes += byteString(body.slice(last));
  }
  return decodeText(Buffer.from(bytes, 'latin1'));
}

function escapedBytes([whole, high, low, short, long, hex, octal, other]: RegExpMatchArray): string {
  if (high !== undefined) return codePointBytes(0x10000 + ((fromHex(high) - 0xd800) << 10) + (fromHex(low!) - 0xdc00));
  if (short !== undefined) return codePointBytes(fromHex(short));
  // A code point beyond Unicode's last passes protobuf's check and is then kept as it is written.
  if (long !== undefined) return fromHex(long) > 0x10ffff ? whole : codePointBytes(fromHex(long));
  if (hex !== undefined) return String.fromCharCode(fromHex(hex));
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
  return byteString(simple[other!] ?? other!);
}

function fromHex(digits: string): number {
  return Number.parseInt(digits, 16);
}

/** Bytes that are no UTF-8 wherever they stand, as a lone surrogate's encoding is. */
const INVALID = '\xed\xa0\x80';

function codePointBytes(code: number): string {
  return code >= 0xd800 && code <= 0xdfff ? INVALID : Buffer.from(String.fromCodePoint(code)).toString('latin1');
}

/** UTF-8 as a string with one character a byte; a lone surrogate is the byte that `decodeText` marked with it. */
function byteString(text: string): string {
  if (text.isWellFormed()) return Buffer.from(text).toString('latin1');
  let bytes = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (character.isWellFormed()) bytes += Buffer.from(character).toString('latin1');
    else bytes += code >= 0xdc80 && code <= 0xdcff ? String.fromCharCode(code - 0xdc00) : INVALID;
  }
  return bytes;
}

/** The bytes that `decodeText` was given, edits of the text apart. */
export function encodeText(text: string): Uint8Array {
  return text.isWellFormed() ? Buffer.from(text) : Buffer.from(byteString(text), 'latin1');
}

const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };

/** A string as one literal in double quotes; control characters as escapes, all else as it is. */
export function quoteString(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped.
  const escaped = value.replaceAll(/["\\\x00-\x1f\x7f]/g, (character) => {
    return named[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
  return `"${escaped}"`;
}
