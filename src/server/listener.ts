import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ConchError, type TlsMaterial } from '../base/index.ts';
import { BodyBudget, type Call, Connection, type Host } from './http1/index.ts';
import { leanSocket } from './lean-socket.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The option that sets the port, for messages. */
  readonly portFlag: string;
  /** Longest wait for a request's headers; default 20 s. */
  readonly headersTimeoutMs?: number | undefined;
  /** Longest wait for a whole request, and for a client to take what it is sent; default 5 min. */
  readonly requestTimeoutMs?: number | undefined;
  /** Bytes of request bodies that all connections together may hold in memory; default 256 MiB. */
  readonly maxBodiesBytes?: number | undefined;
  /** HTTP over TLS; with `ca` only for clients that have a certificate. */
  readonly tls?: TlsMaterial | undefined;
}

/** Clients keep connections for long; Triton never closes an idle one. */
const idleTimeoutMs = 600_000;

/** An HTTP/1.1 server on one address: limits on what a slow or hostile client may hold, and an orderly end. */
export class Listener implements Host {
  readonly host: string;
  readonly port: number;
  readonly onRequest: (call: Call) => void;
  readonly budget: BodyBudget;
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly idleTimeout = idleTimeoutMs;
  private readonly scheme: 'http' | 'https';
  isClosing = false;
  private readonly server: Server;
  private readonly connections = new Set<Connection>();
  private whenForgotten: (() => void) | undefined;
  /** Connections that are not secure yet, by their peer. */
  private readonly handshakes = new Map<string, Socket>();
  /** One for all connections: none of them needs to be cut off to the millisecond. */
  private readonly sweep: NodeJS.Timeout;

  private constructor(onRequest: (call: Call) => void, server: Server, options: ListenOptions) {
    const { headersTimeoutMs = 20_000, requestTimeoutMs = 300_000, maxBodiesBytes = 2 ** 28 } = options;
    this.onRequest = onRequest;
    this.server = server;
    this.host = options.host;
    this.port = (server.address() as AddressInfo).port;
    this.headersTimeout = headersTimeoutMs;
    this.requestTimeout = requestTimeoutMs;
    this.scheme = options.tls ? 'https' : 'http';
    this.budget = new BodyBudget(maxBodiesBytes);
    this.sweep = setInterval(
      () => this.cutOff(),
      Math.min(1000, Math.ceil(Math.min(headersTimeoutMs, requestTimeoutMs) / 4)),
    );
    // Of a connection that could not be accepted, e.g. for want of file descriptors: others go on.
    server.on('error', () => {});
    if (options.tls) server.on('connection', (socket: Socket) => this.awaitHandshake(socket));
    server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.handshakes.delete(peerOf(socket));
      this.connections.add(new Connection(options.tls ? socket : leanSocket(socket), this));
    });
  }

  /** Opens the port. Throws USAGE when it cannot be had. */
  static async open(onRequest: (call: Call) => void, options: ListenOptions): Promise<Listener> {
    // A client that has sent all it will may still be waiting for its answer.
    const sockets = { allowHalfOpen: true, noDelay: true };
    const server = options.tls ? secureServer(options.tls, sockets, options) : createServer(sockets);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannotListen(error, options)));
      server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve);
    });
    return new Listener(onRequest, server, options);
  }

  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `${this.scheme}://${host}:${this.port}`;
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
    this.whenForgotten?.();
  }

  /**
   * Stops accepting and ends idle connections; resolves true once requests under way have their answers, false when
   * some had to be cut off after `timeoutMs`.
   */
  close(timeoutMs: number): Promise<boolean> {
    this.isClosing = true;
    return new Promise((resolve) => {
      let whole = true;
      const timer = setTimeout(() => {
        whole = false;
        for (const connection of this.connections) connection.destroy();
      }, timeoutMs);
      this.server.close(() => {
        this.whenForgotten = () => {
          if (this.connections.size > 0) return;
          clearTimeout(timer);
          clearInterval(this.sweep);
          resolve(whole);
        };
        this.whenForgotten();
      });
      for (const socket of this.handshakes.values()) socket.destroy();
      for (const connection of this.connections) connection.close();
    });
  }

  private awaitHandshake(socket: Socket): void {
    const peer = peerOf(socket);
    this.handshakes.set(peer, socket);
    socket.once('close', () => this.handshakes.delete(peer));
  }

  private cutOff(): void {
    const now = performance.now();
    for (const connection of this.connections) if (now >= connection.deadline) connection.expire();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Those whose handshake fails or takes too long are hung up on by Node. */
function secureServer(tls: TlsMaterial, sockets: object, { headersTimeoutMs = 20_000 }: ListenOptions): Server {
  return createTlsServer({
    ...sockets,
    ...tls,
    requestCert: tls.ca !== undefined,
    rejectUnauthorized: tls.ca !== undefined,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: headersTimeoutMs,
  });
}

/** Why a port could not be had, as USAGE. */
export function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port, portFlag }: Pick<ListenOptions, 'host' | 'port' | 'portFlag'>,
): ConchError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConchError('USAGE', `port ${port} on ${host} is in use by another program`, {
        cause: error,
        fix: `stop that program or choose another port with ${portFlag}`,
      });
    case 'EACCES':
      return new ConchError('USAGE', `port ${port} on ${host} needs privileges that this process lacks`, {
        cause: error,
        fix: `choose a port above 1023 with ${portFlag}`,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConchError('USAGE', `${host} is not an address of this machine`, {
        cause: error,
        fix: 'use --http-address 127.0.0.1 or 0.0.0.0',
      });
  }
  return new ConchError('USAGE', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}
