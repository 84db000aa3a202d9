import { notHttp, Refusal } from './refusal.ts';

/** Bytes of a request's head, its empty line included, and of its target. */
export const maxHeadBytes = 16_384;
const maxTargetBytes = 8192;
const maxMethodBytes = 32;

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;

/** What names and methods are made of (RFC 9110, 5.6.2). */
const isToken = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  isToken[character.charCodeAt(0)] = 1;
}
/** What values are made of: anything but control characters, which may stand for line ends elsewhere. */
const isValue = new Uint8Array(256).fill(1, space);
isValue[tab] = 1;
isValue[0x7f] = 0;

/** A body whose length is not announced. */
export const chunked = -1;

/** The request line and headers of one request. Names and values stay bytes until somebody asks for them. */
export class Head {
  readonly method: string;
  /** As it was sent: a path with a query, an absolute URL, or `*`. */
  readonly target: string;
  /** HTTP/1.0: no chunks, and the connection ends unless the client asks to keep it. */
  readonly isOld: boolean;
  /** The position behind the head. */
  readonly end: number;
  /** Bytes of the body; `chunked` for one in chunks. */
  bodyLength = 0;
  keepAlive: boolean;
  expectsContinue = false;
  private readonly bytes: Buffer;
  /** Of every header: start and end of its name, start and end of its value. */
  private readonly fields: readonly number[];

  constructor(bytes: Buffer, method: string, target: string, isOld: boolean, fields: readonly number[], end: number) {
    this.bytes = bytes;
    this.method = method;
    this.target = target;
    this.isOld = isOld;
    this.keepAlive = !isOld;
    this.fields = fields;
    this.end = end;
    this.readFraming();
  }

  /** The value of a header by its lower-case name; of one that comes several times all values, with commas between. */
  header(name: string): string | undefined {
    const { fields } = this;
    let value: string | undefined;
    for (let at = 0; at < fields.length; at += 4) {
      if (!this.isNamed(at, name)) continue;
      const text = this.bytes.toString('latin1', fields[at + 2], fields[at + 3]);
      value = value === undefined ? text : `${value}, ${text}`;
    }
    return value;
  }

  /** Names as they were sent, with their values. */
  *headers(): Generator<readonly [name: string, value: string], void> {
    const { bytes, fields } = this;
    for (let at = 0; at < fields.length; at += 4) {
      yield [
        bytes.toString('latin1', fields[at], fields[at + 1]),
        bytes.toString('latin1', fields[at + 2], fields[at + 3]),
      ];
    }
  }

  private isNamed(at: number, name: string): boolean {
    const { bytes, fields } = this;
    const start = fields[at]!;
    if (fields[at + 1]! - start !== name.length) return false;
    for (let index = 0; index < name.length; index++) {
      let byte = bytes[start + index]!;
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      if (byte !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  /**
   * What the headers say about where the request ends. Two answers to that question are how requests are smuggled past
   * whoever stands in front, so whatever could be read in two ways is refused (RFC 9112, 6 and 11.2).
   */
  private readFraming(): void {
    const { fields } = this;
    let hosts = 0;
    let length: number | undefined;
    let coding: string | undefined;
    for (let at = 0; at < fields.length; at += 4) {
      switch (fields[at + 1]! - fields[at]!) {
        case 4:
          if (this.isNamed(at, 'host')) hosts++;
          break;
        case 6:
          if (this.isNamed(at, 'expect')) this.readExpect(this.value(at));
          break;
        case 10:
          if (this.isNamed(at, 'connection')) this.readConnection(this.value(at));
          break;
        case 14:
          if (this.isNamed(at, 'content-length')) {
            if (length !== undefined) throw notHttp();
            length = this.digits(at);
          }
          break;
        case 17:
          if (this.isNamed(at, 'transfer-encoding')) {
            if (coding !== undefined) throw notHttp();
            coding = this.value(at);
          }
      }
    }
    if (hosts > 1 || (hosts === 0 && !this.isOld)) throw notHttp();
    if (coding !== undefined) {
      if (length !== undefined || this.isOld) throw notHttp();
      if (coding.toLowerCase() !== 'chunked')
        throw new Refusal(501, 'the only Transfer-Encoding that is read is chunked');
      this.bodyLength = chunked;
    } else if (length !== undefined) this.bodyLength = length;
  }

  private value(at: number): string {
    return this.bytes.toString('latin1', this.fields[at + 2], this.fields[at + 3]);
  }

  /** A value of 1 to 15 digits. */
  private digits(at: number): number {
    const { bytes, fields } = this;
    const end = fields[at + 3]!;
    let position = fields[at + 2]!;
    if (position === end || end - position > 15) throw notHttp();
    let value = 0;
    for (; position < end; position++) {
      const digit = bytes[position]! - 0x30;
      if (digit < 0 || digit > 9) throw notHttp();
      value = value * 10 + digit;
    }
    return value;
  }

  private readExpect(value: string): void {
    if (value.toLowerCase() !== '100-continue')
      throw new Refusal(417, 'the only expectation that is met is 100-continue');
    this.expectsContinue = !this.isOld;
  }

  private readConnection(value: string): void {
    if (value === 'keep-alive' && !this.isOld) return;
    const options = value.toLowerCase().split(',');
    if (options.some((option) => option.trim() === 'close')) this.keepAlive = false;
    else if (this.isOld && options.some((option) => option.trim() === 'keep-alive')) this.keepAlive = true;
  }
}

/**
 * Reads a request's head that starts at `start`. Undefined where it is not all there but good so far; throws a Refusal
 * for what is not HTTP/1, as soon as it can be told. Lines end with CR and LF both, header lines are not folded, there
 * is no space before a colon.
 */
export function parseHead(bytes: Buffer, start: number): Head | undefined {
  const end = Math.min(bytes.length, start + maxHeadBytes);
  let position = start;
  while (position < end && isToken[bytes[position]!] === 1) position++;
  const methodEnd = position;
  if (methodEnd - start > maxMethodBytes) throw notHttp();
  if (position === end) return undefined;
  if (position === start || bytes[position] !== space) throw notHttp();

  const targetStart = ++position;
  while (position < end && bytes[position]! > space && bytes[position]! < 0x7f) position++;
  const targetEnd = position;
  if (targetEnd - targetStart > maxTargetBytes) {
    throw new Refusal(414, `the request's target is longer than ${maxTargetBytes} bytes`);
  }
  if (position === end) return incomplete(bytes, start);
  const isOld = readVersion(bytes, position, end);
  if (isOld === undefined) return incomplete(bytes, start);
  checkTarget(bytes, targetStart, targetEnd);
  position += 11;

  const fields: number[] = [];
  while (position < end) {
    const nameStart = position;
    if (bytes[position] === cr) {
      if (position + 1 === end) break;
      if (bytes[position + 1] !== lf) throw notHttp();
      const method = methodOf(bytes, start, methodEnd);
      const target = bytes.toString('latin1', targetStart, targetEnd);
      return new Head(bytes, method, target, isOld, fields, position + 2);
    }
    while (position < end && isToken[bytes[position]!] === 1) position++;
    if (position === end) break;
    const nameEnd = position;
    if (nameEnd === nameStart || bytes[position] !== colon) throw notHttp();
    position++;
    while (position < end && (bytes[position] === space || bytes[position] === tab)) position++;
    const valueStart = position;
    while (position < end && isValue[bytes[position]!] === 1) position++;
    let valueEnd = position;
    if (position + 1 >= end) {
      if (position < end && bytes[position] !== cr) throw notHttp();
      break;
    }
    if (bytes[position] !== cr || bytes[position + 1] !== lf) throw notHttp();
    position += 2;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === space || bytes[valueEnd - 1] === tab)) valueEnd--;
    fields.push(nameStart, nameEnd, valueStart, valueEnd);
  }
  return incomplete(bytes, start);
}

/** Nothing is wrong yet, unless more has come than a head may have. */
function incomplete(bytes: Buffer, start: number): undefined {
  if (bytes.length - start < maxHeadBytes) return undefined;
  throw new Refusal(431, `the request headers are longer than ${maxHeadBytes} bytes`);
}

const versionText = ' HTTP/1.';

/** Whether ` HTTP/1.0` and the end of the line stand at `position`; false for 1.1, undefined for their beginnings. */
function readVersion(bytes: Buffer, position: number, end: number): boolean | undefined {
  for (let index = 0; index < versionText.length; index++) {
    if (position + index === end) return undefined;
    if (bytes[position + index] === versionText.charCodeAt(index)) continue;
    // Another major version, rather than something else altogether.
    const isVersion = index === 6 && bytes[position + 6]! >= 0x30 && bytes[position + 6]! <= 0x39;
    throw isVersion ? new Refusal(505, 'the only versions that are spoken are HTTP/1.0 and HTTP/1.1') : notHttp();
  }
  for (let at = position + 8; at < position + 11; at++) {
    if (at === end) return undefined;
    const byte = bytes[at];
    if (at === position + 8 ? byte !== 0x30 && byte !== 0x31 : byte !== (at === position + 9 ? cr : lf))
      throw notHttp();
  }
  return bytes[position + 8] === 0x30;
}

/** A path, an absolute URL of HTTP, `*` for OPTIONS; CONNECT's `host:port` is for proxies (RFC 9112, 3.2). */
function checkTarget(bytes: Buffer, start: number, end: number): void {
  if (bytes[start] === 0x2f) return;
  const target = bytes.toString('latin1', start, end);
  if (/^https?:\/\/[^/?#]+/i.test(target) || target === '*' || /^[\w.:[\]-]+:\d+$/.test(target)) return;
  throw notHttp();
}

function methodOf(bytes: Buffer, start: number, end: number): string {
  // The two methods that there are to speak of need no new string.
  if (end - start === 4 && bytes[start] === 0x50 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x53) {
    if (bytes[start + 3] === 0x54) return 'POST';
  }
  if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54)
    return 'GET';
  return bytes.toString('latin1', start, end);
}
