import { Socket, type SocketConstructorOpts } from 'node:net';

/** What comes from the network is put here first, by all connections: nothing of it is used later than its callback. */
const arrivals = Buffer.allocUnsafeSlow(65_536);

/**
 * The same connection as a socket that copies what arrives out of one buffer, instead of making 64 kB anew for every
 * read and passing it through a stream: for small requests that is most of what reading costs. It says `data` like
 * any other, but only as an event. Node has such sockets (`onread`) but makes none for connections that a server
 * accepts, hence the handle, which is documented for other uses only; where it cannot be had, `socket` itself. The server
 * does not count the connection any more.
 */
export function leanSocket(socket: Socket): Socket {
  const owner = socket as unknown as { _handle?: { readStart?: unknown; useUserBuffer?: unknown } | null };
  const handle = owner._handle;
  if (typeof handle?.readStart !== 'function' || typeof handle.useUserBuffer !== 'function') return socket;
  const options = {
    handle,
    allowHalfOpen: socket.allowHalfOpen,
    onread: {
      buffer: arrivals,
      callback(length: number) {
        const piece = Buffer.allocUnsafe(length);
        arrivals.copy(piece, 0, 0, length);
        lean.emit('data', piece);
        return true;
      },
    },
  };
  let lean: Socket;
  try {
    lean = new Socket(options as unknown as SocketConstructorOpts);
  } catch {
    return socket;
  }
  owner._handle = null;
  socket.destroy();
  return lean;
}
