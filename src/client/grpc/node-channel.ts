import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { ConchError } from '../../base/index.ts';
import { decodeGrpcMessage, FrameReader, formatGrpcTimeout, frameOf } from '../../protocol/index.ts';

export interface NodeChannelOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a unary call came to. */
export interface GrpcReply {
  /** Number of the gRPC status code. */
  readonly status: number;
  readonly details: string;
  /** Absent unless the status is 0. */
  readonly message: Uint8Array | undefined;
}

/** gRPC's own bound on a message. */
const maxReplyBytes = 2 ** 31 - 1;
const windowBytes = 16 * 1024 * 1024;

/** Unary calls over one HTTP/2 connection, which is opened by the first call, and anew after it broke. */
export class NodeChannel {
  /** The server's address without credentials. */
  readonly url: string;
  readonly #origin: string;
  readonly #options: NodeChannelOptions;
  #session: ClientHttp2Session | undefined;
  /** Calls under way; without any the connection keeps no process alive. */
  #open = 0;

  /** `url` has the scheme grpc or grpcs. */
  constructor(url: URL, options: NodeChannelOptions) {
    const host = url.port === '' ? `${url.hostname}:8001` : url.host;
    this.#origin = `${url.protocol === 'grpcs:' ? 'https' : 'http'}://${host}`;
    this.url = `${url.protocol}//${host}`;
    this.#options = options;
  }

  /** Rejects with SERVER_UNREACHABLE, DEADLINE_EXCEEDED, REQUEST_CANCELLED, SERVER_ERROR. */
  call(path: string, parts: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<GrpcReply> {
    const { timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled(signal));
        return;
      }
      const stream = this.#begin(path);
      const fail = (error: Error) => {
        settle();
        reject(error);
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const onAbort = () => fail(cancelled(signal!));
      const timer = setTimeout(() => fail(this.#late(path)), timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort);
      const frames = new FrameReader(maxReplyBytes);
      let headers: IncomingHttpHeaders = {};
      let message: Uint8Array | undefined;
      stream.on('response', (first) => {
        headers = { ...headers, ...first };
      });
      stream.on('trailers', (last) => {
        headers = { ...headers, ...last };
      });
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) message ??= frame.message;
        } catch (error) {
          fail(this.#broken((error as Error).message));
        }
      });
      stream.on('error', (error) => fail(this.#unreachable(error)));
      stream.on('close', () => {
        settle();
        const status = headers['grpc-status'];
        if (status === undefined) {
          const http = headers[':status'];
          reject(
            http === undefined || Number(http) === 200
              ? this.#unreachable(new Error('the connection broke'))
              : this.#broken(`HTTP status ${http}`),
          );
          return;
        }
        resolve({
          status: Number(status),
          details: decodeGrpcMessage(String(headers['grpc-message'] ?? '')),
          message,
        });
      });
      for (const part of [frameOf(parts.reduce((total, part) => total + part.length, 0)), ...parts]) stream.write(part);
      stream.end();
    });
  }

  /** Calls under way fail. */
  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #begin(path: string): ClientHttp2Stream {
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      const session = connect(this.#origin, { settings: { initialWindowSize: windowBytes } });
      // Its streams are told by themselves.
      session.on('error', () => {});
      session.on('connect', () => session.setLocalWindowSize(windowBytes));
      session.on('goaway', () => session.close());
      this.#session = session;
    }
    this.#session.ref();
    const session = this.#session;
    const stream = session.request({
      ...this.#options.headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': formatGrpcTimeout(this.#options.timeoutMs),
    });
    this.#open += 1;
    stream.once('close', () => {
      this.#open -= 1;
      if (this.#open === 0) this.#session?.unref();
    });
    return stream;
  }

  #late(path: string): ConchError {
    const { timeoutMs } = this.#options;
    return new ConchError('DEADLINE_EXCEEDED', `${this.url} did not answer ${path} within ${timeoutMs} ms`);
  }

  #broken(reason: string): ConchError {
    return new ConchError('SERVER_ERROR', `${this.url} does not answer as gRPC does: ${reason}`, {
      fix: "check that a Triton server's gRPC port is there",
    });
  }

  #unreachable(cause: Error): ConchError {
    return new ConchError('SERVER_UNREACHABLE', `${this.url} cannot be reached: ${cause.message}`, {
      cause,
      fix: 'check the address and that the server runs',
    });
  }
}

function cancelled(signal: AbortSignal): ConchError {
  return new ConchError('REQUEST_CANCELLED', 'the call was cancelled', { cause: signal.reason });
}
