import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { ConchError } from '../../base/index.ts';
import {
  compress,
  decodeGrpcMessage,
  decompress,
  type Frame,
  FrameReader,
  formatGrpcTimeout,
  frameOf,
} from '../../protocol/index.ts';
import { cancelled, maxReplyBytes, retryAfter, unreachable } from '../failures.ts';
import { explain } from '../http/node-errors.ts';
import { nodeTls } from '../http/node-transport.ts';
import { compressFrom } from '../http/transport.ts';
import type { TlsOptions } from '../options.ts';
import type { GrpcCall, GrpcReply, GrpcStatus } from './channel.ts';

export interface NodeChannelOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestCompression?: 'gzip' | undefined;
  readonly responseCompression?: boolean | undefined;
  readonly tls?: TlsOptions | undefined;
}

const windowBytes = 16 * 1024 * 1024;

/** Calls over one HTTP/2 connection, which is opened by the first call, and anew after it broke. */
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
  async call(call: GrpcCall): Promise<GrpcReply> {
    const { signal, timeoutMs = this.#options.timeoutMs } = call;
    const frame = await this.#frameOf(call.parts);
    if (signal?.aborted) throw cancelled(signal);
    const reply = await new Promise<GrpcStatus & { frame: Frame | undefined }>((resolve, reject) => {
      const stream = this.#begin(call, timeoutMs);
      const fail = (error: Error) => {
        settle();
        reject(error);
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const onAbort = () => fail(cancelled(signal!));
      const timer = setTimeout(() => fail(this.#late(call.path, timeoutMs)), timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort);
      const frames = new FrameReader(maxReplyBytes);
      const head = new Head(stream);
      let first: Frame | undefined;
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) first ??= frame;
        } catch (error) {
          fail(this.#broken((error as Error).message));
        }
      });
      stream.on('error', (error) => fail(this.#unreachable(error)));
      stream.on('close', () => {
        settle();
        const end = this.#endOf(head);
        if (end instanceof ConchError) reject(end);
        else resolve({ ...end, frame: first });
      });
      for (const part of frame) stream.write(part);
      stream.end();
    });
    const { frame: first, ...status } = reply;
    return { ...status, message: first && (await this.#messageOf(first)) };
  }

  /**
   * Sends one message and gives the answers as they come; throws what `call` does, and returns the status at the end.
   * The timeout bounds the wait for each answer. Leaving the iteration early cancels the call.
   */
  async *stream(call: GrpcCall): AsyncGenerator<Uint8Array, GrpcStatus> {
    const { signal, timeoutMs = this.#options.timeoutMs } = call;
    const frame = await this.#frameOf(call.parts);
    if (signal?.aborted) throw cancelled(signal);
    const stream = this.#begin(call, undefined);
    const head = new Head(stream);
    let failure: ConchError | undefined;
    const end = (error: ConchError) => {
      failure = error;
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const onAbort = () => end(cancelled(signal!));
    const onSilence = () => end(this.#late(call.path, timeoutMs));
    let timer = setTimeout(onSilence, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    const frames = new FrameReader(maxReplyBytes);
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    try {
      for (const part of frame) stream.write(part);
      stream.end();
      for await (const chunk of stream) {
        for (const frame of frames.push(chunk as Buffer)) {
          // A reader that takes its time is no silent server.
          clearTimeout(timer);
          yield await this.#messageOf(frame);
          if (failure) throw failure;
          timer = setTimeout(onSilence, timeoutMs);
        }
      }
      await closed;
    } catch (error) {
      if (failure ?? error instanceof ConchError) throw failure ?? error;
      throw this.#unreachable(error as Error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    const status = this.#endOf(head);
    if (failure ?? status instanceof ConchError) throw failure ?? status;
    return status as GrpcStatus;
  }

  /** Calls under way fail. */
  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  async #frameOf(parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const size = parts.reduce((total, part) => total + part.length, 0);
    const { requestCompression: coding } = this.#options;
    if (coding === undefined || size < compressFrom) {
      // Over TLS a write of no bytes, as of a message without fields, is never done, and its call waits for ever.
      return [frameOf(size), ...parts.filter((part) => part.length > 0)];
    }
    const packed = await compress(parts.length === 1 ? parts[0]! : Buffer.concat(parts, size), coding);
    return [frameOf(packed.length, true), packed];
  }

  async #messageOf({ compressed, message }: Frame): Promise<Uint8Array> {
    if (!compressed) return message;
    try {
      return await decompress(message, 'gzip', maxReplyBytes);
    } catch (error) {
      throw this.#broken((error as Error).message);
    }
  }

  /** How a stream that has closed ended. */
  #endOf({ headers }: Head): GrpcStatus | ConchError {
    const status = headers['grpc-status'];
    if (status === undefined) {
      const http = headers[':status'];
      return http === undefined || Number(http) === 200
        ? this.#unreachable(Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' }))
        : this.#broken(`HTTP status ${http}`);
    }
    const pushback = headers['grpc-retry-pushback-ms'];
    const again = headers['retry-after'];
    return {
      status: Number(status),
      details: decodeGrpcMessage(String(headers['grpc-message'] ?? '')),
      retryAfterMs: pushback === undefined ? retryAfter(again && String(again)) : Math.max(0, Number(pushback) || 0),
    };
  }

  #begin({ path, headers }: GrpcCall, timeoutMs: number | undefined): ClientHttp2Stream {
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      const settings = { initialWindowSize: windowBytes };
      const session = connect(this.#origin, { settings, ...nodeTls(this.#options.tls) });
      // Its streams are told by themselves.
      session.on('error', () => {});
      session.on('connect', () => session.setLocalWindowSize(windowBytes));
      session.on('goaway', () => session.close());
      this.#session = session;
    }
    this.#session.ref();
    const session = this.#session;
    const { requestCompression, responseCompression } = this.#options;
    const stream = session.request({
      ...this.#options.headers,
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(timeoutMs !== undefined && { 'grpc-timeout': formatGrpcTimeout(timeoutMs) }),
      ...(requestCompression && { 'grpc-encoding': requestCompression }),
      'grpc-accept-encoding': responseCompression ? 'identity,gzip' : 'identity',
    });
    this.#open += 1;
    stream.once('close', () => {
      this.#open -= 1;
      if (this.#open === 0) this.#session?.unref();
    });
    return stream;
  }

  #late(path: string, timeoutMs: number): ConchError {
    return new ConchError('DEADLINE_EXCEEDED', `${this.url} did not answer ${path} within ${timeoutMs} ms`);
  }

  #broken(reason: string): ConchError {
    return new ConchError('SERVER_ERROR', `${this.url} does not answer as gRPC does: ${reason}`, {
      fix: "check that a Triton server's gRPC port is there",
    });
  }

  #unreachable(cause: NodeJS.ErrnoException): ConchError {
    const [reason, fix = 'check the address and that the server runs'] = explain(cause);
    return unreachable(this.url, reason, fix, cause);
  }
}

/** Headers and trailers of an answer, as they come. */
class Head {
  headers: IncomingHttpHeaders = {};

  constructor(stream: ClientHttp2Stream) {
    const take = (more: IncomingHttpHeaders) => {
      this.headers = { ...this.headers, ...more };
    };
    stream.on('response', take);
    stream.on('trailers', take);
  }
}
