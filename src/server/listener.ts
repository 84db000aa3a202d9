import { createServer, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ConchError } from '../base/index.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The option that sets the port, for messages. */
  readonly portFlag: string;
  /** Longest wait for a request's headers; default 20 s. */
  readonly headersTimeoutMs?: number | undefined;
  /** Longest wait for a whole request; default 5 min. */
  readonly requestTimeoutMs?: number | undefined;
}

/** An HTTP/1.1 server on one address: limits on what a slow or hostile client may hold, and an orderly end. */
export class Listener {
  readonly host: string;
  readonly port: number;
  private readonly server: Server;
  /** Every connection with the answer that it had last, if any. */
  private readonly latest = new Map<Socket, ServerResponse | undefined>();

  private constructor(server: Server, host: string) {
    this.server = server;
    server.on('connection', (socket) => {
      this.latest.set(socket, undefined);
      socket.once('close', () => this.latest.delete(socket));
    });
    server.on('request', (request, response) => this.latest.set(request.socket, response));
    this.host = host;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Opens the port. Throws USAGE when it cannot be had. */
  static async open(onRequest: RequestListener, options: ListenOptions): Promise<Listener> {
    const { headersTimeoutMs = 20_000, requestTimeoutMs = 300_000 } = options;
    const server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.ceil(Math.min(headersTimeoutMs, requestTimeoutMs) / 4),
        // Clients keep connections for long; Triton never closes an idle one.
        keepAliveTimeout: 600_000,
        maxHeaderSize: 16_384,
        noDelay: true,
      },
      onRequest,
    );
    server.on('clientError', refuseGarbage);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannotListen(error, options)));
      server.listen({ host: options.host, port: options.port, backlog: 1024 }, resolve);
    });
    return new Listener(server, options.host);
  }

  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `http://${host}:${this.port}`;
  }

  /**
   * Stops accepting and ends idle connections; resolves true once requests under way have their answers, false when
   * some had to be cut off after `timeoutMs`.
   */
  close(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let whole = true;
      const timer = setTimeout(() => {
        whole = false;
        this.server.closeAllConnections();
      }, timeoutMs);
      this.server.close(() => {
        clearTimeout(timer);
        resolve(whole);
      });
      // To Node these have a request under way: who has not sent anything yet, and who has had an answer but goes on
      // sending the body.
      for (const [socket, response] of this.latest) {
        const silent = socket.bytesRead === 0;
        const answered = response?.writableFinished === true && !response.req.complete;
        if (silent || answered) socket.destroy();
      }
    });
  }
}

/** Answers what is not HTTP, or takes too long to become it, and hangs up. */
function refuseGarbage(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: { headersSent: boolean } },
): void {
  // Amid an answer more text would only garble it.
  if (error.code === 'ECONNRESET' || !socket.writable || socket._httpMessage?.headersSent) {
    socket.destroy();
    return;
  }
  const [status, reason] = explain(error.code);
  const body = JSON.stringify({ error: reason });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function explain(code: string | undefined): [status: number, reason: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'the request headers are longer than 16384 bytes'];
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'the chunk extensions are too long'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request did not arrive in time'];
    default:
      return [400, 'the request is not valid HTTP'];
  }
}

function cannotListen(error: NodeJS.ErrnoException, { host, port, portFlag }: ListenOptions): ConchError {
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
