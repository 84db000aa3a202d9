import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsMaterial } from '../../../base/index.ts';
import type { Connections, TransportHost } from '../transport.ts';
import { Connection } from './connection.ts';

const handshakeTimeoutMs = 20_000;

/** gRPC over HTTP/2 of our own, in the clear (h2c with prior knowledge, as gRPC has it) or over TLS. */
export class H2Server implements Connections {
  readonly server: Server;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();

  constructor(host: TransportHost, tls: TlsMaterial | undefined) {
    const take = (socket: Socket): void => {
      const connection = new Connection(socket, host, () => this.#connections.delete(connection));
      this.#connections.add(connection);
    };
    const sockets = { allowHalfOpen: false, noDelay: true };
    this.server = tls
      ? createTlsServer(
          {
            ...sockets,
            ...tls,
            minVersion: 'TLSv1.2',
            requestCert: tls.ca !== undefined,
            rejectUnauthorized: tls.ca !== undefined,
            ALPNProtocols: ['h2'],
            handshakeTimeout: handshakeTimeoutMs,
          },
          take,
        )
      : createServer(sockets, take);
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  drain(): void {
    for (const connection of [...this.#connections]) connection.drain();
  }

  destroy(): void {
    for (const connection of [...this.#connections]) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}
