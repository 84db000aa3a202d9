import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type ContentCoding, encodeGrpcMessage } from '../../protocol/index.ts';
import type { TlsMaterial } from '../tls.ts';
import type { CallStream } from './call.ts';
import type { Accepted } from './dispatch.ts';
import { Inbound } from './inbound.ts';
import { Keepalive, type KeptConnection } from './keepalive.ts';
import type { Connections, TransportHost } from './transport.ts';

const acceptEncoding = 'identity, deflate, gzip';

/** gRPC over Node's own HTTP/2: with TLS, or plain. */
export class NodeHttp2 implements Connections {
  readonly server: Http2Server;
  readonly #host: TransportHost;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #keepalives = new WeakMap<ServerHttp2Session, Keepalive>();

  constructor(host: TransportHost, tls: TlsMaterial | undefined) {
    this.#host = host;
    const settings = {
      maxConcurrentStreams: host.maxConcurrentStreams,
      initialWindowSize: host.windowBytes,
      maxHeaderListSize: host.maxHeaderBytes,
    };
    // Megabytes; its default of 10 would break a connection over a single large tensor.
    const maxSessionMemory = Math.ceil((2 * host.maxMessageBytes) / 2 ** 20) + 64;
    this.server = tls
      ? createSecureServer({
          settings,
          maxSessionMemory,
          ...tls,
          minVersion: 'TLSv1.2',
          requestCert: tls.ca !== undefined,
          rejectUnauthorized: tls.ca !== undefined,
        })
      : createServer({ settings, maxSessionMemory });
    this.server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.setLocalWindowSize(host.windowBytes);
      const keepalive = new Keepalive(this.#kept(session), host.keepalive);
      this.#keepalives.set(session, keepalive);
      session.on('ping', () => {
        keepalive.heard();
        keepalive.pinged();
      });
      session.once('close', () => {
        keepalive.stop();
        this.#sessions.delete(session);
      });
      // A connection that breaks takes its streams with it, which are told by themselves.
      session.on('error', () => {});
      if (host.isClosing) session.close();
    });
    this.server.on('sessionError', () => {});
    this.server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.#take(stream, headers));
  }

  /** Tells clients to go elsewhere; calls under way are finished. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #kept(session: ServerHttp2Session): KeptConnection {
    return {
      get openCalls() {
        return (session.state as { openStreams?: number }).openStreams ?? 0;
      },
      ping: () => {
        session.ping((error) => {
          if (!error) this.#keepalives.get(session)?.heard();
        });
      },
      goAway: (code, reason) => {
        const { NGHTTP2_NO_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
        session.goaway(code === 'none' ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from(reason));
        if (code === 'none') session.close();
      },
      destroy: () => session.destroy(),
    };
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const keepalive = stream.session && this.#keepalives.get(stream.session as ServerHttp2Session);
    keepalive?.heard();
    keepalive?.spoke();
    stream.on('error', () => {});
    const method = headers[constants.HTTP2_HEADER_METHOD];
    const type = headers['content-type'];
    if (method !== 'POST' || !type?.startsWith('application/grpc')) {
      stream.respond({ ':status': method === 'POST' ? 415 : 405 }, { endStream: true });
      return;
    }
    const out = new NodeCallStream(stream, headers, keepalive);
    const accepted: Accepted = this.#host.accept(out);
    const { call } = accepted;
    const inbound = new Inbound(accepted, this.#host.maxMessageBytes, this.#host.budget);
    const done = this.#host.track(accepted);
    call.onDone = () => {
      inbound.release();
      done();
    };
    if (call.isDone) call.onDone();
    stream.on('data', (chunk: Buffer) => inbound.data(chunk));
    stream.on('end', () => inbound.end());
    stream.on('aborted', () => call.cancel());
    stream.on('close', () => call.cancel());
  }
}

class NodeCallStream implements CallStream {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #keepalive: Keepalive | undefined;
  #trailers: Record<string, string | number> | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, keepalive: Keepalive | undefined) {
    this.#stream = stream;
    this.#keepalive = keepalive;
    this.#headers = headers;
    this.path = headers[constants.HTTP2_HEADER_PATH] as string;
  }

  get pendingBytes(): number {
    return this.#stream.writableLength;
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  write(parts: readonly Uint8Array[], encoding: ContentCoding | undefined): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#keepalive?.spoke();
    this.#respond(encoding);
    stream.cork();
    for (const part of parts) stream.write(part);
    stream.uncork();
  }

  end(parts: readonly Uint8Array[], encoding: ContentCoding | undefined, status: number, message: string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#keepalive?.spoke();
    const trailers = { 'grpc-status': status, ...(message !== '' && { 'grpc-message': encodeGrpcMessage(message) }) };
    if (parts.length === 0 && !stream.headersSent) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
      this.#stopReading();
      return;
    }
    this.#trailers = trailers;
    this.#respond(encoding);
    stream.cork();
    for (const part of parts) stream.write(part);
    stream.end();
    stream.uncork();
    this.#stopReading();
  }

  #respond(encoding: ContentCoding | undefined): void {
    const stream = this.#stream;
    if (stream.headersSent) return;
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-accept-encoding': acceptEncoding,
        ...(encoding && { 'grpc-encoding': encoding }),
      },
      { waitForTrailers: true },
    );
    stream.once('wantTrailers', () => stream.sendTrailers(this.#trailers ?? {}));
  }

  /** The client need not send what nobody reads. */
  #stopReading(): void {
    const stream = this.#stream;
    stream.resume();
    if (stream.readableEnded) return;
    stream.once('finish', () => {
      if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}
