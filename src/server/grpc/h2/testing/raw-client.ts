import net from 'node:net';
import { frame, frameTypes, headBytes, preface } from '../frames.ts';
import { encodeBlock, HpackDecoder } from '../hpack.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** An HTTP/2 client that says what it is told, right or wrong, and keeps what comes. */
export class RawClient {
  readonly frames: Frame[] = [];
  isClosed = false;
  readonly #socket: net.Socket;
  readonly #decoder = new HpackDecoder(1 << 20);
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#bytes.length >= headBytes) {
        const end = headBytes + this.#bytes.readUIntBE(0, 3);
        if (this.#bytes.length < end) break;
        const [type, flags] = [this.#bytes[3]!, this.#bytes[4]!];
        this.frames.push({
          type,
          flags,
          stream: this.#bytes.readUInt32BE(5),
          payload: this.#bytes.subarray(headBytes, end),
        });
        this.#bytes = this.#bytes.subarray(end);
      }
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** A connection that has begun as it should. */
  static begin(port: number, settings: Uint8Array = Buffer.alloc(0)): RawClient {
    const client = new RawClient(port);
    client.send(preface, frame(frameTypes.settings, 0, 0, settings));
    return client;
  }

  send(...bytes: Uint8Array[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Has said everything; what comes is still taken. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves with the first frame for which `wanted` holds; rejects when the connection closes before. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(wanted);
      if (found) return found;
      if (this.isClosed) throw new Error('the server closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The code of the GOAWAY that ends the connection; undefined where there was none. */
  async untilClosed(): Promise<number | undefined> {
    while (!this.isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.frames.findLast(({ type }) => type === frameTypes.goAway)?.payload.readUInt32BE(4);
  }

  /** All headers of a stream, its trailers included; to be asked for in order. */
  headersOf(stream: number): Record<string, string> {
    const blocks = this.frames.filter((one) => one.type === frameTypes.headers && one.stream === stream);
    return Object.assign({}, ...blocks.map(({ payload }) => Object.fromEntries(this.#decoder.decode(payload)!)));
  }
}

/** The headers of a call. */
export function callBlock(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return encodeBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]);
}
