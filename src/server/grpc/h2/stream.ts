import { type ContentCoding, encodeGrpcMessage } from '../../../protocol/index.ts';
import type { CallStream } from '../call.ts';
import type { Inbound } from '../inbound.ts';
import type { Connection } from './connection.ts';
import { flags, frame, frameTypes, headBytes, writeHead } from './frames.ts';
import { encodeBlock, type Headers } from './hpack.ts';

/** Up to here an answer leaves in one piece; copying is cheaper than more writes. */
const joinBelow = 32 * 1024;

const acceptEncoding = ['grpc-accept-encoding', 'identity, deflate, gzip'] as const;
const ok = [':status', '200'] as const;
const grpc = ['content-type', 'application/grpc'] as const;
const plainHead = encodeBlock([ok, grpc, acceptEncoding]);
const goodTrailers = encodeBlock([['grpc-status', '0']]);

/** One stream of a connection: one call. */
export class H2Stream implements CallStream {
  readonly id: number;
  readonly path: string;
  inbound: Inbound | undefined;
  /** Bytes that may still be sent, by the client's leave, and received, by ours. */
  sendWindow: number;
  receiveWindow: number;
  /** The client has ended its side; we have ended ours. */
  isRemoteEnded = false;
  isLocalEnded = false;
  /** Data that came after the answer, which nobody reads. */
  unread = 0;
  /** Of all data, without padding. */
  receivedBytes = 0;
  readonly #connection: Connection;
  readonly #headers: Headers;
  #isStarted = false;
  /** What flow control holds back, and whether trailers follow it. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #trailers: Buffer | undefined;
  /** The last of the data ends our side: no trailers follow. */
  #endsWithData = false;

  constructor(connection: Connection, id: number, headers: Headers, sendWindow: number, receiveWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.#headers = headers;
    this.path = headers.get(':path') ?? '';
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  get pendingBytes(): number {
    return this.#waitingBytes + this.#connection.unsentBytes;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  headers(): Iterable<readonly [name: string, value: string]> {
    return [...this.#headers].filter(([name]) => !name.startsWith(':'));
  }

  /** At the end of the client's side: whether as much came as `content-length` says, where it says anything. */
  isWhole(): boolean {
    const length = this.#headers.get('content-length');
    return length === undefined || length === String(this.receivedBytes);
  }

  write(parts: readonly Uint8Array[], encoding: ContentCoding | undefined): void {
    if (this.isLocalEnded) return;
    if (!this.#isStarted) this.#sendHead(encoding);
    this.#queue(parts);
    this.flush();
  }

  end(parts: readonly Uint8Array[], encoding: ContentCoding | undefined, status: number, message: string): void {
    if (this.isLocalEnded) return;
    const connection = this.#connection;
    const trailers = status === 0 && message === '' ? goodTrailers : trailersOf(status, message);
    if (parts.length === 0 && !this.#isStarted) {
      // Nothing but a status: the headers are the trailers.
      const block = Buffer.concat([encodeBlock([ok, grpc]), trailers]);
      this.#isStarted = true;
      connection.sendBlock(this.id, block, true);
      connection.localEnd(this);
      return;
    }
    let size = 0;
    for (const part of parts) size += part.length;
    if (
      !this.#isStarted &&
      encoding === undefined &&
      size <= joinBelow &&
      size <= connection.maxDataBytes &&
      size <= this.sendWindow &&
      size <= connection.sendWindow
    ) {
      this.#sendWhole(parts, size, trailers);
      return;
    }
    if (!this.#isStarted) this.#sendHead(encoding);
    this.#queue(parts);
    this.#trailers = trailers;
    this.flush();
  }

  /** A response of another status than 200, for what is not gRPC; with words for who looks at it. */
  refuse(status: number): void {
    this.#isStarted = true;
    const block = encodeBlock([
      [':status', String(status)],
      ['content-type', 'text/plain; charset=utf-8'],
    ]);
    this.#connection.sendBlock(this.id, block, false);
    this.#endsWithData = true;
    this.#queue([Buffer.from('this port speaks gRPC: POST with content-type application/grpc\n')]);
    this.flush();
  }

  /** Sends what the windows allow. True: everything that waited is out. */
  flush(): boolean {
    const connection = this.#connection;
    while (this.#waiting.length > 0) {
      const most = Math.min(this.sendWindow, connection.sendWindow, connection.maxDataBytes);
      if (most <= 0) {
        connection.block(this);
        return false;
      }
      const length = Math.min(most, this.#waitingBytes);
      this.#waitingBytes -= length;
      connection.waitingBytes -= length;
      this.sendWindow -= length;
      connection.sendWindow -= length;
      const head = Buffer.allocUnsafe(headBytes);
      const isLast = this.#endsWithData && this.#waitingBytes === 0;
      writeHead(head, 0, length, frameTypes.data, isLast ? flags.endStream : 0, this.id);
      connection.send(head);
      this.#sendWaiting(length);
    }
    connection.blocked.delete(this);
    if (this.isLocalEnded) return true;
    if (this.#trailers) connection.sendBlock(this.id, this.#trailers, true);
    if (this.#trailers || this.#endsWithData) connection.localEnd(this);
    return true;
  }

  /** So many of the waiting bytes, from as many parts as it takes. */
  #sendWaiting(length: number): void {
    let left = length;
    let taken = 0;
    for (; left > 0; taken++) {
      const part = this.#waiting[taken]!;
      if (part.length > left) {
        this.#connection.send(part.subarray(0, left));
        this.#waiting[taken] = part.subarray(left);
        break;
      }
      this.#connection.send(part);
      left -= part.length;
    }
    this.#waiting.splice(0, taken);
  }

  /** Forgets what was to be sent: there is nobody to send it to. */
  drop(): void {
    this.isLocalEnded = true;
    this.#waiting = [];
    this.#connection.waitingBytes -= this.#waitingBytes;
    this.#waitingBytes = 0;
    this.#connection.blocked.delete(this);
  }

  /** Headers, one frame of data and trailers in one piece. */
  #sendWhole(parts: readonly Uint8Array[], size: number, trailers: Buffer): void {
    const connection = this.#connection;
    const { id } = this;
    const bytes = Buffer.allocUnsafe(3 * headBytes + plainHead.length + size + trailers.length);
    writeHead(bytes, 0, plainHead.length, frameTypes.headers, flags.endHeaders, id);
    bytes.set(plainHead, headBytes);
    let at = headBytes + plainHead.length;
    writeHead(bytes, at, size, frameTypes.data, 0, id);
    at += headBytes;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    writeHead(bytes, at, trailers.length, frameTypes.headers, flags.endHeaders | flags.endStream, id);
    bytes.set(trailers, at + headBytes);
    this.#isStarted = true;
    this.sendWindow -= size;
    connection.sendWindow -= size;
    connection.send(bytes);
    connection.localEnd(this);
  }

  #sendHead(encoding: ContentCoding | undefined): void {
    this.#isStarted = true;
    const block = encoding ? encodeBlock([ok, grpc, acceptEncoding, ['grpc-encoding', encoding]]) : plainHead;
    this.#connection.send(frame(frameTypes.headers, flags.endHeaders, this.id, block));
  }

  #queue(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#waiting.push(part);
      this.#waitingBytes += part.length;
      this.#connection.waitingBytes += part.length;
    }
  }
}

/** Long texts are cut: a client need not take more than 16 KiB of headers. */
function trailersOf(status: number, message: string): Buffer {
  const headers: [string, string][] = [['grpc-status', String(status)]];
  if (message !== '') headers.push(['grpc-message', encodeGrpcMessage(message.slice(0, 1500))]);
  return encodeBlock(headers);
}
