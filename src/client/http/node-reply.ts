import { inferenceHeaderLength } from '../../protocol/index.ts';
import { maxReplyBytes, oversized } from '../failures.ts';
import type { HttpReply } from './transport.ts';

const replyHeaderLength = inferenceHeaderLength.toLowerCase();
const maxHeadBytes = 64 * 1024;
/** A length alone makes us take no more memory than this. */
const allocateTo = 256 * 1024 * 1024;
const lf = 0x0a;

type State = 'head' | 'length' | 'close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'complete';

/**
 * Reads one answer from the bytes of a connection, which it copies. Throws an error with a code HPE_ for what is not
 * HTTP/1, SERVER_ERROR for more bytes than an answer may have.
 */
export class ReplyReader {
  private readonly url: string;
  private state: State = 'head';
  /** Of the head or of a line, where it came in pieces. */
  private held: Buffer | undefined;
  private head = '';
  private status = 0;
  private isLast = false;
  private hasExtra = false;
  /** Bytes that are still to come, of the body or of the chunk. */
  private left = 0;
  private whole: Buffer | undefined;
  private filled = 0;
  private parts: Buffer[] | undefined;
  private received = 0;

  constructor(url: string) {
    this.url = url;
  }

  /** Anything has come. */
  get hasBegun(): boolean {
    return this.state !== 'head' || this.held !== undefined;
  }

  get isComplete(): boolean {
    return this.state === 'complete';
  }

  /** The answer is complete when the connection ends. */
  get endsWithConnection(): boolean {
    return this.state === 'close';
  }

  /** Another request may follow on the connection. */
  get mayKeep(): boolean {
    return this.state === 'complete' && !this.isLast && !this.hasExtra;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && this.state !== 'complete') rest = this.step(rest);
    if (rest.length > 0) this.hasExtra = true;
  }

  reply(): HttpReply {
    const body = this.whole ?? Buffer.concat(this.parts ?? []);
    return new SocketReply(this.status, this.head, body);
  }

  private step(bytes: Buffer): Buffer {
    switch (this.state) {
      case 'head':
        return this.readHead(bytes);
      case 'length':
        return this.readBody(bytes, 'complete');
      case 'chunk':
        return this.readBody(bytes, 'chunk-end');
      case 'close':
        this.keep(bytes);
        return bytes.subarray(bytes.length);
      default:
        return this.readLine(bytes);
    }
  }

  private readHead(bytes: Buffer): Buffer {
    const all = this.held ? Buffer.concat([this.held, bytes]) : bytes;
    if (!startsAsHttp(all)) throw notHttp();
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) {
      if (all.length > maxHeadBytes) throw notHttp();
      this.held = Buffer.from(all);
      return bytes.subarray(bytes.length);
    }
    this.held = undefined;
    const head = all.toString('latin1', 0, end);
    const status = Number(head.slice(9, 12));
    if (!(status >= 100 && status <= 599)) throw notHttp();
    // 100 Continue and the like: the answer itself follows.
    if (status < 200 && status !== 101) return all.subarray(end + 4);
    this.head = head;
    this.status = status;
    const connection = headerOf(head, 'connection')?.toLowerCase();
    this.isLast = connection === undefined ? head.startsWith('HTTP/1.0') : connection.includes('close');
    this.begin(status);
    return all.subarray(end + 4);
  }

  private begin(status: number): void {
    if (status === 204 || status === 304) {
      this.state = 'complete';
      return;
    }
    const coding = headerOf(this.head, 'transfer-encoding');
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked') throw notHttp();
      this.state = 'chunk-size';
      return;
    }
    const given = headerOf(this.head, 'content-length');
    if (given === undefined) {
      this.state = 'close';
      this.isLast = true;
      return;
    }
    if (!/^\d{1,15}$/.test(given)) throw notHttp();
    const length = Number(given);
    this.count(length);
    this.left = length;
    this.state = length === 0 ? 'complete' : 'length';
    if (length <= allocateTo) this.whole = this.aligned(length);
  }

  /** Memory for the body in which the tensors behind its JSON are aligned, so that they need no copy of their own. */
  private aligned(length: number): Buffer {
    const jsonLength = Number(headerOf(this.head, replyHeaderLength) ?? 0);
    const padding = jsonLength <= length ? -jsonLength & 7 : 0;
    return Buffer.allocUnsafe(padding + length).subarray(padding);
  }

  private readBody(bytes: Buffer, next: State): Buffer {
    const taken = bytes.length > this.left ? bytes.subarray(0, this.left) : bytes;
    if (this.whole) {
      this.whole.set(taken, this.filled);
      this.filled += taken.length;
    } else {
      this.keep(taken);
    }
    this.left -= taken.length;
    if (this.left === 0) this.state = next;
    return bytes.subarray(taken.length);
  }

  private keep(bytes: Buffer): void {
    if (this.state === 'close') this.count(bytes.length);
    this.parts ??= [];
    this.parts.push(Buffer.from(bytes));
  }

  /** Lines of the chunked coding. */
  private readLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf(lf);
    const piece = end < 0 ? bytes : bytes.subarray(0, end + 1);
    const held = this.held ? Buffer.concat([this.held, piece]) : Buffer.from(piece);
    if (held.length > maxHeadBytes) throw notHttp();
    this.held = held;
    if (end < 0) return bytes.subarray(bytes.length);
    this.held = undefined;
    this.takeLine(held.toString('latin1', 0, held.length - 1).replace(/\r$/, ''));
    return bytes.subarray(end + 1);
  }

  private takeLine(line: string): void {
    if (this.state === 'trailer') {
      if (line === '') this.state = 'complete';
      return;
    }
    if (this.state === 'chunk-end') {
      if (line !== '') throw notHttp();
      this.state = 'chunk-size';
      return;
    }
    const size = /^([0-9a-f]{1,8})\s*(?:;|$)/i.exec(line)?.[1];
    if (size === undefined) throw notHttp();
    this.left = Number.parseInt(size, 16);
    this.count(this.left);
    this.state = this.left === 0 ? 'trailer' : 'chunk';
  }

  private count(bytes: number): void {
    this.received += bytes;
    if (this.received > maxReplyBytes) throw oversized(this.url);
  }
}

class SocketReply implements HttpReply {
  readonly status: number;
  readonly body: Uint8Array;
  private readonly head: string;

  constructor(status: number, head: string, body: Uint8Array) {
    this.status = status;
    this.head = head;
    this.body = body;
  }

  header(name: string): string | undefined {
    return headerOf(this.head, name);
  }
}

/** A header's value by its lower-case name; of several the first. */
function headerOf(head: string, name: string): string | undefined {
  for (let at = head.indexOf('\r\n'); at >= 0; at = head.indexOf('\r\n', at + 2)) {
    const colon = at + 2 + name.length;
    if (head.charCodeAt(colon) !== 0x3a || head.slice(at + 2, colon).toLowerCase() !== name) continue;
    const end = head.indexOf('\r\n', colon);
    return head.slice(colon + 1, end < 0 ? undefined : end).trim();
  }
  return undefined;
}

function startsAsHttp(bytes: Buffer): boolean {
  const start = 'HTTP/1.';
  return bytes.toString('latin1', 0, start.length) === start.slice(0, bytes.length);
}

function notHttp(): NodeJS.ErrnoException {
  return Object.assign(new Error('this is not HTTP/1'), { code: 'HPE_INVALID' });
}
