import type { Socket } from 'node:net';
import { Inbound } from '../inbound.ts';
import { Keepalive } from '../keepalive.ts';
import type { TransportHost } from '../transport.ts';
import { dependsOnAnother, onConnection, refusal, requestFlaw, size, trailersFlaw, unpadded } from './checks.ts';
import {
  ConnectionError,
  defaultWindow,
  errorCodes,
  flags,
  frame,
  frameTypes,
  headBytes,
  maxFrameBytes,
  maxWindow,
  numbers,
  preface,
} from './frames.ts';
import { type Headers, HpackDecoder, HpackError } from './hpack.ts';
import { Output } from './output.ts';
import { Resets } from './resets.ts';
import { H2Stream } from './stream.ts';

/** A client that never reads the answers to its pings and settings is not worth keeping. */
const maxUnsentControlBytes = 1 << 20;
/** Data of a call that has its answer: so much is read over, then the stream is reset. */
const maxUnreadBytes = 1 << 16;
const firstRequestTimeoutMs = 20_000;

/** One client's HTTP/2 connection: RFC 9113 as far as a gRPC server needs it. */
export class Connection {
  /** Bytes that may be sent on all streams together. */
  sendWindow = defaultWindow;
  /** The largest frame of data that the client takes. */
  maxDataBytes = maxFrameBytes;
  /** Streams whose data waits for a window. */
  readonly blocked = new Set<H2Stream>();
  /** Bytes of all of them. */
  waitingBytes = 0;
  readonly #socket: Socket;
  readonly #output: Output;
  readonly #host: TransportHost;
  readonly #onClose: () => void;
  readonly #streams = new Map<number, H2Stream>();
  readonly #hpack: HpackDecoder;
  readonly #keepalive: Keepalive;
  #peerWindow = defaultWindow;
  #receiveWindow: number;
  #rest: Buffer | undefined;
  #begun = false;
  #settled = false;
  #lastStream = 0;
  readonly #resets = new Resets();
  /** Headers that were found well formed; the decoder gives the same object for the same bytes. */
  #wellFormed: Headers | undefined;
  /** A header block that goes on in CONTINUATION frames. */
  #block: { readonly stream: number; readonly endsStream: boolean; parts: Buffer[]; size: number } | undefined;
  #isDraining = false;
  #isDead = false;

  constructor(socket: Socket, host: TransportHost, onClose: () => void) {
    this.#socket = socket;
    this.#output = new Output(socket);
    this.#host = host;
    this.#onClose = onClose;
    this.#hpack = new HpackDecoder(host.maxHeaderBytes);
    this.#receiveWindow = host.windowBytes;
    this.#keepalive = new Keepalive(
      {
        ping: () => this.send(frame(frameTypes.ping, 0, 0, Buffer.alloc(8))),
        openCalls: () => this.#streams.size,
        goAway: (code, reason) => this.#goAway(errorCodes[code], reason),
        destroy: () => this.#end(),
      },
      host.keepalive,
    );
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.destroy());
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
    socket.setTimeout(firstRequestTimeoutMs, () => this.destroy());
    const settings = [3, host.maxConcurrentStreams, 4, host.windowBytes, 6, host.maxHeaderBytes];
    const payload = Buffer.alloc(18);
    for (let index = 0; index < 3; index++) {
      payload.writeUInt16BE(settings[2 * index]!, 6 * index);
      payload.writeUInt32BE(settings[2 * index + 1]!, 6 * index + 2);
    }
    this.send(frame(frameTypes.settings, 0, 0, payload));
    this.send(frame(frameTypes.windowUpdate, 0, 0, numbers(host.windowBytes - defaultWindow)));
    if (host.isClosing) this.drain();
  }

  /** Bytes on their way to the socket. */
  get unsentBytes(): number {
    return this.#output.bytes;
  }

  /** Sends bytes with whatever else goes out in this turn of the event loop. */
  send(bytes: Uint8Array): void {
    this.#output.send(bytes);
  }

  sendBlock(stream: number, block: Uint8Array, endsStream: boolean): void {
    const flag = flags.endHeaders | (endsStream ? flags.endStream : 0);
    this.send(frame(frameTypes.headers, flag, stream, block));
  }

  /**
   * A stream's data waits for a window. A client that asks for more and more and takes nothing would have us keep it all:
   * beyond what one message may have, the stream is reset.
   */
  block(stream: H2Stream): void {
    this.blocked.add(stream);
    const isTooMuch = this.waitingBytes > this.#host.maxMessageBytes && this.blocked.size > 1;
    if (isTooMuch) this.#resetStream(stream, errorCodes.enhanceYourCalm);
  }

  /** We have said everything on a stream. */
  localEnd(stream: H2Stream): void {
    stream.isLocalEnded = true;
    this.#keepalive.spoke();
    if (stream.isRemoteEnded) this.#forget(stream);
  }

  /** Tells the client to go elsewhere; what is under way is finished, then the connection closes. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#goAway(errorCodes.none, '');
    if (this.#streams.size === 0) this.#end();
  }

  /** Ends at once; calls are cancelled. */
  destroy(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#output.close();
    this.#keepalive.stop();
    this.#socket.destroy();
    this.#cancelAll();
    this.#onClose();
  }

  /** What has been sent still goes out. */
  #end(): void {
    if (this.#isDead) return;
    this.#output.flush();
    this.#output.close();
    this.#isDead = true;
    this.#keepalive.stop();
    this.#cancelAll();
    // Who does not hang up in turn is hung up on.
    this.#socket.end();
    this.#socket.setTimeout(1000, () => this.#socket.destroy());
    this.#onClose();
  }

  #cancelAll(): void {
    for (const stream of this.#streams.values()) {
      stream.drop();
      stream.inbound?.cancel();
    }
    this.#streams.clear();
    this.blocked.clear();
  }

  #goAway(code: number, reason: string): void {
    const payload = Buffer.concat([numbers(this.#lastStream, code), Buffer.from(reason, 'utf8')]);
    this.send(frame(frameTypes.goAway, 0, 0, payload));
  }

  #take(chunk: Buffer): void {
    if (this.#isDead) return;
    this.#keepalive.heard();
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    try {
      let at = 0;
      if (!this.#begun) {
        const length = Math.min(preface.length, bytes.length);
        if (bytes.compare(preface, 0, length, 0, length) !== 0) {
          throw new ConnectionError(errorCodes.protocol, 'this port speaks gRPC over HTTP/2');
        }
        if (bytes.length < preface.length) {
          this.#rest = bytes;
          return;
        }
        this.#begun = true;
        at = preface.length;
      }
      while (bytes.length - at >= headBytes && !this.#isDead) {
        const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
        if (length > maxFrameBytes) throw new ConnectionError(errorCodes.frameSize, `a frame of ${length} bytes`);
        const end = at + headBytes + length;
        if (end > bytes.length) break;
        this.#frame(bytes, at, at + headBytes, end);
        at = end;
      }
      if (at < bytes.length && !this.#isDead) this.#rest = at === 0 ? bytes : bytes.subarray(at);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const code =
      error instanceof ConnectionError
        ? error.code
        : error instanceof HpackError
          ? errorCodes.compression
          : errorCodes.internal;
    this.#goAway(code, (error as Error).message);
    this.#end();
  }

  #frame(bytes: Buffer, head: number, start: number, end: number): void {
    const type = bytes[head + 3]!;
    const flag = bytes[head + 4]!;
    const id = bytes.readUInt32BE(head + 5) & 0x7fffffff;
    if (!this.#settled && (type !== frameTypes.settings || flag & flags.ack)) {
      throw new ConnectionError(errorCodes.protocol, 'the first frame must be SETTINGS');
    }
    if (this.#block && (type !== frameTypes.continuation || id !== this.#block.stream)) {
      throw new ConnectionError(errorCodes.protocol, 'a header block is interrupted');
    }
    switch (type) {
      case frameTypes.data:
        this.#data(id, flag, bytes, start, end);
        return;
      case frameTypes.headers:
        this.#headers(id, flag, bytes, start, end);
        return;
      case frameTypes.continuation:
        this.#continuation(flag, bytes.subarray(start, end));
        return;
      case frameTypes.windowUpdate:
        this.#windowUpdate(id, size(end - start, 4) ? bytes.readUInt32BE(start) & 0x7fffffff : 0);
        return;
      case frameTypes.rstStream:
        size(end - start, 4);
        this.#reset(id);
        return;
      case frameTypes.settings:
        onConnection(id);
        if (flag & flags.ack) size(end - start, 0);
        else this.#settings(bytes.subarray(start, end));
        return;
      case frameTypes.ping:
        onConnection(id);
        size(end - start, 8);
        if (flag & flags.ack) return;
        this.#control(frame(frameTypes.ping, flags.ack, 0, bytes.subarray(start, end)));
        this.#keepalive.pinged();
        return;
      case frameTypes.goAway:
        onConnection(id);
        return;
      case frameTypes.priority:
        if (id === 0) throw new ConnectionError(errorCodes.protocol, 'PRIORITY on stream 0');
        size(end - start, 5);
        dependsOnAnother(id, bytes, start);
        return;
      case frameTypes.pushPromise:
        throw new ConnectionError(errorCodes.protocol, 'a client cannot push');
    }
  }

  #data(id: number, flag: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(errorCodes.protocol, 'DATA on no stream');
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new ConnectionError(errorCodes.flowControl, 'the window is exceeded');
    const { windowBytes } = this.#host;
    if (this.#receiveWindow <= windowBytes / 2) {
      this.send(frame(frameTypes.windowUpdate, 0, 0, numbers(windowBytes - this.#receiveWindow)));
      this.#receiveWindow = windowBytes;
    }
    const [from, to] = unpadded(flag, bytes, start, end);
    const stream = this.#streams.get(id);
    if (!stream) {
      this.#resets.readOver(id, 'DATA');
      return;
    }
    if (stream.isRemoteEnded) {
      this.#resetStream(stream, errorCodes.streamClosed);
      return;
    }
    stream.receivedBytes += to - from;
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) {
      this.#resetStream(stream, errorCodes.flowControl);
      return;
    }
    const endsStream = (flag & flags.endStream) !== 0;
    if (!stream.isLocalEnded) {
      if (!endsStream && stream.receiveWindow <= windowBytes / 2) {
        this.send(frame(frameTypes.windowUpdate, 0, id, numbers(windowBytes - stream.receiveWindow)));
        stream.receiveWindow = windowBytes;
      }
      if (to > from) stream.inbound?.data(bytes.subarray(from, to));
    } else {
      stream.unread += length;
      if (stream.unread > maxUnreadBytes && !endsStream) this.#resetStream(stream, errorCodes.none);
    }
    if (endsStream) this.#remoteEnd(stream);
  }

  #remoteEnd(stream: H2Stream): void {
    stream.isRemoteEnded = true;
    if (!stream.isWhole()) {
      this.#resetStream(stream, errorCodes.protocol);
      return;
    }
    if (stream.isLocalEnded) this.#forget(stream);
    else stream.inbound?.end();
  }

  #headers(id: number, flag: number, bytes: Buffer, start: number, end: number): void {
    if (id % 2 === 0) throw new ConnectionError(errorCodes.protocol, `HEADERS on stream ${id}`);
    const [content, to] = unpadded(flag, bytes, start, end);
    const from = flag & flags.priority ? content + 5 : content;
    if (from > to) throw new ConnectionError(errorCodes.frameSize, 'HEADERS are too short');
    if (flag & flags.priority) dependsOnAnother(id, bytes, content);
    const endsStream = (flag & flags.endStream) !== 0;
    if (flag & flags.endHeaders) this.#open(id, endsStream, bytes.subarray(from, to));
    else this.#block = { stream: id, endsStream, parts: [Buffer.from(bytes.subarray(from, to))], size: to - from };
  }

  #continuation(flag: number, part: Buffer): void {
    const block = this.#block;
    if (!block) throw new ConnectionError(errorCodes.protocol, 'CONTINUATION of nothing');
    block.size += part.length;
    // Each piece counts, too, so that a thousand empty ones come to an end.
    if (block.size + 64 * block.parts.length > 2 * this.#host.maxHeaderBytes) {
      throw new ConnectionError(errorCodes.enhanceYourCalm, 'the headers are too long');
    }
    block.parts.push(Buffer.from(part));
    if (!(flag & flags.endHeaders)) return;
    this.#block = undefined;
    this.#open(block.stream, block.endsStream, Buffer.concat(block.parts));
  }

  /** A whole header block: a new stream, or the trailers of one. It is always decoded, as the table depends on it. */
  #open(id: number, endsStream: boolean, block: Buffer): void {
    const headers = this.#hpack.decode(block);
    if (id <= this.#lastStream) {
      this.#trailers(id, endsStream, headers);
      return;
    }
    if (this.#lastStream === 0) this.#socket.setTimeout(0);
    this.#lastStream = id;
    if (this.#isDraining || this.#streams.size >= this.#host.maxConcurrentStreams) {
      this.#sendReset(id, errorCodes.refusedStream);
      return;
    }
    if (headers && !this.#isWellFormed(headers)) {
      this.#sendReset(id, errorCodes.protocol);
      return;
    }
    const { windowBytes } = this.#host;
    const stream = new H2Stream(this, id, headers ?? new Map(), this.#peerWindow, windowBytes);
    this.#streams.set(id, stream);
    stream.isRemoteEnded = endsStream;
    const status = headers ? refusal(headers) : 431;
    if (endsStream && !stream.isWhole()) this.#resetStream(stream, errorCodes.protocol);
    else if (status !== 0) stream.refuse(status);
    else this.#accept(stream, endsStream);
  }

  #trailers(id: number, endsStream: boolean, headers: Headers | undefined): void {
    const stream = this.#streams.get(id);
    if (!stream) this.#resets.readOver(id, 'HEADERS');
    else if (stream.isRemoteEnded) this.#resetStream(stream, errorCodes.streamClosed);
    else if (!endsStream || (headers && (this.#hpack.flaw ?? trailersFlaw(headers)) !== undefined)) {
      this.#resetStream(stream, errorCodes.protocol);
    } else this.#remoteEnd(stream);
  }

  #isWellFormed(headers: Headers): boolean {
    if (headers === this.#wellFormed) return true;
    if ((this.#hpack.flaw ?? requestFlaw(headers)) !== undefined) return false;
    this.#wellFormed = headers;
    return true;
  }

  #accept(stream: H2Stream, endsStream: boolean): void {
    this.#keepalive.spoke();
    stream.inbound = Inbound.open(stream, this.#host);
    if (endsStream) stream.inbound.end();
  }

  #windowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw new ConnectionError(errorCodes.protocol, 'WINDOW_UPDATE of 0');
      this.sendWindow += increment;
      if (this.sendWindow > maxWindow) throw new ConnectionError(errorCodes.flowControl, 'the window is too large');
      for (const stream of this.blocked) {
        if (this.sendWindow <= 0) break;
        stream.flush();
      }
      return;
    }
    if (id > this.#lastStream) throw new ConnectionError(errorCodes.protocol, 'WINDOW_UPDATE on no stream');
    const stream = this.#streams.get(id);
    if (!stream) return;
    stream.sendWindow += increment;
    if (increment === 0) this.#resetStream(stream, errorCodes.protocol);
    else if (stream.sendWindow > maxWindow) this.#resetStream(stream, errorCodes.flowControl);
    else if (this.blocked.has(stream)) stream.flush();
  }

  #settings(payload: Buffer): void {
    if (payload.length % 6 !== 0) throw new ConnectionError(errorCodes.frameSize, 'SETTINGS are cut off');
    this.#settled = true;
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      switch (payload.readUInt16BE(at)) {
        case 2:
          if (value > 1) throw new ConnectionError(errorCodes.protocol, 'ENABLE_PUSH is 0 or 1');
          break;
        case 4:
          this.#changeWindows(value);
          break;
        case 5:
          if (value < maxFrameBytes || value > 2 ** 24 - 1) {
            throw new ConnectionError(errorCodes.protocol, `MAX_FRAME_SIZE cannot be ${value}`);
          }
          this.maxDataBytes = Math.min(value, 1 << 20);
      }
    }
    this.#control(frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
    // What the new windows let go comes after the news that they are known.
    for (const stream of this.blocked) stream.flush();
  }

  #changeWindows(value: number): void {
    if (value > maxWindow) throw new ConnectionError(errorCodes.flowControl, 'INITIAL_WINDOW_SIZE is too large');
    const change = value - this.#peerWindow;
    this.#peerWindow = value;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > maxWindow) throw new ConnectionError(errorCodes.flowControl, 'a window is too large');
    }
  }

  #reset(id: number): void {
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(errorCodes.protocol, 'RST_STREAM on no stream');
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (!stream.isLocalEnded) this.#resets.count();
    stream.drop();
    this.#forget(stream);
    stream.inbound?.cancel();
  }

  #resetStream(stream: H2Stream, code: number): void {
    this.#sendReset(stream.id, code);
    stream.drop();
    this.#forget(stream);
    stream.inbound?.cancel();
  }

  #sendReset(id: number, code: number): void {
    this.#resets.add(id);
    this.#control(frame(frameTypes.rstStream, 0, id, numbers(code)));
  }

  #forget(stream: H2Stream): void {
    this.#streams.delete(stream.id);
    if (this.#isDraining && this.#streams.size === 0) this.#end();
  }

  /** Answers to what a client can send without end. */
  #control(bytes: Uint8Array): void {
    this.send(bytes);
    if (this.#socket.writableLength > maxUnsentControlBytes && this.#streams.size === 0) {
      throw new ConnectionError(errorCodes.enhanceYourCalm, 'what is sent is not read');
    }
  }
}
