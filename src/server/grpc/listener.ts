import type { AddressInfo, Server } from 'node:net';
import type { TlsMaterial } from '../../base/index.ts';
import type { ServerContext } from '../context.ts';
import { BodyBudget } from '../http1/index.ts';
import { cannotListen } from '../listener.ts';
import type { RestrictedAccess } from '../restricted.ts';
import type { CallStream } from './call.ts';
import { type Accepted, type CompressionLevel, dispatch } from './dispatch.ts';
import { H2Server } from './h2/server.ts';
import { type KeepaliveOptions, type KeepalivePolicy, keepalivePolicy } from './keepalive.ts';
import type { Connections, TransportHost } from './transport.ts';

export interface GrpcListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsMaterial | undefined;
  readonly restricted: RestrictedAccess;
  readonly compressionLevel: CompressionLevel;
  readonly keepalive?: KeepaliveOptions | undefined;
  /** Bytes of unfinished messages that all connections together may hold; default 2 GiB. */
  readonly maxPendingBytes?: number | undefined;
}

/** A gRPC server on one address, with an orderly end. */
export class GrpcListener implements TransportHost {
  readonly port: number;
  readonly maxMessageBytes: number;
  readonly maxConcurrentStreams = 4096;
  readonly windowBytes = 8 * 1024 * 1024;
  readonly maxHeaderBytes = 16_384;
  readonly budget: BodyBudget;
  readonly keepalive: KeepalivePolicy;
  isClosing = false;
  readonly #context: ServerContext;
  readonly #options: GrpcListenOptions;
  readonly #calls = new Set<Accepted>();
  #server: Server;
  #connections: Connections;
  #onIdle: (() => void) | undefined;

  private constructor(context: ServerContext, options: GrpcListenOptions) {
    this.#context = context;
    this.#options = options;
    this.maxMessageBytes = Math.min(context.limits.maxRequestBytes, 2 ** 31 - 1);
    this.budget = new BodyBudget(options.maxPendingBytes ?? 2 ** 31);
    this.keepalive = keepalivePolicy(options.keepalive);
    const transport = new H2Server(this, options.tls);
    this.#server = transport.server;
    this.#connections = transport;
    this.port = options.port;
  }

  /** Opens the port. Throws USAGE when it cannot be had. */
  static async open(context: ServerContext, options: GrpcListenOptions): Promise<GrpcListener> {
    const listener = new GrpcListener(context, options);
    await listener.#listen();
    return listener;
  }

  accept(stream: CallStream): Accepted {
    return dispatch(stream, this.#context, this.#options);
  }

  track(accepted: Accepted): () => void {
    this.#calls.add(accepted);
    if (this.isClosing) accepted.receiver.stopping?.();
    return () => {
      this.#calls.delete(accepted);
      if (this.#calls.size === 0) this.#onIdle?.();
    };
  }

  /**
   * Stops accepting and tells clients so; resolves true once calls under way have their answers, false when some had to
   * be cut off after `timeoutMs`.
   */
  async close(timeoutMs: number): Promise<boolean> {
    this.isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#connections.drain();
    for (const { receiver } of [...this.#calls]) receiver.stopping?.();
    const whole = await this.#untilIdle(timeoutMs);
    if (!whole) this.#connections.destroy();
    // Clients have their answers; those that keep their connection nevertheless are given a moment to hang up.
    const lingering = setTimeout(() => this.#connections.destroy(), 500);
    await closed;
    clearTimeout(lingering);
    return whole;
  }

  #untilIdle(timeoutMs: number): Promise<boolean> {
    if (this.#calls.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(cannotListen(error, { host, port, portFlag: '--grpc-port' })));
      this.#server.listen({ host, port, backlog: 1024 }, resolve);
    });
    (this as { port: number }).port = (this.#server.address() as AddressInfo).port;
  }
}
