import { validateHeaderName, validateHeaderValue } from 'node:http';
import net from 'node:net';
import type { ConchError } from '../../base/index.ts';
import { cancelled, late, unreachable } from '../failures.ts';
import { requestBytes } from './node-bytes.ts';
import { explain } from './node-errors.ts';
import { ReplyReader } from './node-reply.ts';
import type { NodeTransport, NodeTransportOptions } from './node-transport.ts';
import { type HttpCall, type HttpReply, type HttpStream, type HttpTransport, partsOf } from './transport.ts';

/** Bytes that a connection reads at once. */
const readBytes = 32 * 1024;

/**
 * HTTP/1.1 without TLS over sockets of its own: one write and one read for most calls, and none of the objects that
 * node:http makes for each. Behind a proxy that answers a few thousand calls a second, node:http's client costs more
 * than the rest of the call. Streams are left to `streams`.
 */
export class SocketTransport implements HttpTransport {
  readonly url: string;
  readonly timeoutMs: number;
  private readonly streams: NodeTransport;
  private readonly address: net.TcpNetConnectOpts;
  private readonly prefix: string;
  /** The header lines that all requests have. */
  private readonly common: string;
  private readonly maxConnections: number;
  private readonly connections = new Set<Connection>();
  /** Those without an exchange; the last one used is the next, so that the others may be closed by the server. */
  private readonly idle: Connection[] = [];
  private readonly waiting = new Set<Exchange>();

  constructor(url: URL, options: NodeTransportOptions, streams: NodeTransport) {
    const { origin, prefix, headers } = partsOf(url);
    this.url = origin;
    this.prefix = prefix;
    this.streams = streams;
    this.timeoutMs = options.timeoutMs;
    this.maxConnections = options.maxConnections;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    this.address = { host, port: Number(url.port || 80), noDelay: true };
    this.common = headerLines({ Host: url.host, ...headers, ...options.headers });
  }

  send(call: HttpCall): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      if (call.signal?.aborted) reject(cancelled(call.signal));
      else this.assign(new Exchange(this, call, this.bytesOf(call), resolve, reject));
    });
  }

  open(call: HttpCall): Promise<HttpStream> {
    return this.streams.open(call);
  }

  close(): void {
    for (const connection of this.connections) connection.destroy(hangUp());
    this.streams.close();
  }

  // What exchanges and connections need of the pool.

  /** Gives an exchange a connection, now or when one is free. `fresh`: a new one. */
  assign(exchange: Exchange, fresh = false): void {
    const connection = fresh ? undefined : this.idle.pop();
    if (connection) connection.run(exchange);
    else if (this.connections.size < this.maxConnections) this.connect().run(exchange);
    else this.waiting.add(exchange);
  }

  withdraw(exchange: Exchange): void {
    this.waiting.delete(exchange);
  }

  /** A connection has nothing to do. */
  free(connection: Connection): void {
    const next = this.next();
    if (next) connection.run(next);
    else this.idle.push(connection);
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    if (this.connections.size >= this.maxConnections) return;
    const next = this.next();
    if (next) this.connect().run(next);
  }

  private next(): Exchange | undefined {
    for (const exchange of this.waiting) {
      this.waiting.delete(exchange);
      return exchange;
    }
    return undefined;
  }

  private connect(): Connection {
    const connection = new Connection(this, this.address);
    this.connections.add(connection);
    return connection;
  }

  private bytesOf({ method, path, headers, body }: HttpCall): Uint8Array {
    const length = body || method === 'POST' ? `Content-Length: ${body?.byteLength ?? 0}\r\n` : '';
    const own = headers ? headerLines(headers) : '';
    const head = `${method} ${this.prefix}${path} HTTP/1.1\r\n${this.common}${own}${length}\r\n`;
    return requestBytes(head, body);
  }
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  let lines = '';
  for (const name of Object.keys(headers)) {
    const value = headers[name]!;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function hangUp(): NodeJS.ErrnoException {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

/** One request and its answer. The timer covers everything, from the wait for a connection to the last byte. */
class Exchange {
  readonly bytes: Uint8Array;
  readonly url: string;
  private readonly pool: SocketTransport;
  private readonly call: HttpCall;
  private readonly resolve: (reply: HttpReply) => void;
  private readonly reject: (error: ConchError) => void;
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort: (() => void) | undefined;
  private connection: Connection | undefined;
  private isRepeated = false;

  constructor(
    pool: SocketTransport,
    call: HttpCall,
    bytes: Uint8Array,
    resolve: (reply: HttpReply) => void,
    reject: (error: ConchError) => void,
  ) {
    this.pool = pool;
    this.url = pool.url;
    this.call = call;
    this.bytes = bytes;
    this.resolve = resolve;
    this.reject = reject;
    const timeoutMs = call.timeoutMs ?? pool.timeoutMs;
    this.timer = setTimeout(() => this.end(late(pool.url, timeoutMs)), timeoutMs);
    const { signal } = call;
    if (signal) {
      this.onAbort = () => this.end(cancelled(signal));
      signal.addEventListener('abort', this.onAbort);
    }
  }

  began(connection: Connection): void {
    this.connection = connection;
  }

  answered(reply: HttpReply): void {
    this.settle();
    this.resolve(reply);
  }

  /** Its connection is gone. `stale`: it had been kept, and nothing was answered. */
  lost(error: NodeJS.ErrnoException, stale: boolean): void {
    this.connection = undefined;
    if (stale && this.call.repeatable && !this.isRepeated) {
      this.isRepeated = true;
      this.pool.assign(this, true);
      return;
    }
    this.settle();
    const [reason, fix] = explain(error);
    this.reject(unreachable(this.url, reason, fix, error));
  }

  refused(error: ConchError): void {
    this.settle();
    this.reject(error);
  }

  private end(error: ConchError): void {
    this.settle();
    this.reject(error);
    if (this.connection) this.connection.abandon();
    else this.pool.withdraw(this);
  }

  private settle(): void {
    clearTimeout(this.timer);
    if (this.onAbort) this.call.signal!.removeEventListener('abort', this.onAbort);
  }
}

class Connection {
  private readonly pool: SocketTransport;
  private readonly socket: net.Socket;
  private exchange: Exchange | undefined;
  private reader: ReplyReader | undefined;
  private isUsed = false;
  private isGone = false;
  private error: NodeJS.ErrnoException | undefined;

  constructor(pool: SocketTransport, address: net.TcpNetConnectOpts) {
    this.pool = pool;
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    const callback = (count: number): boolean => {
      this.receive(buffer.subarray(0, count));
      return true;
    };
    this.socket = net.connect({ ...address, onread: { buffer, callback } });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('end', () => this.ended());
    this.socket.on('close', () => this.destroy(this.error ?? hangUp()));
  }

  run(exchange: Exchange): void {
    this.exchange = exchange;
    this.reader = new ReplyReader(exchange.url);
    exchange.began(this);
    this.socket.ref();
    this.socket.write(exchange.bytes);
  }

  /** Nobody waits for the answer under way. */
  abandon(): void {
    this.exchange = undefined;
    this.destroy(hangUp());
  }

  destroy(error: NodeJS.ErrnoException): void {
    if (this.isGone) return;
    this.isGone = true;
    const { exchange, reader } = this;
    this.exchange = undefined;
    this.socket.destroy();
    this.pool.forget(this);
    const stale = this.isUsed && reader?.hasBegun === false && staleCodes.has(error.code ?? '');
    exchange?.lost(error, stale);
  }

  private receive(chunk: Buffer): void {
    const { exchange, reader } = this;
    // Between two exchanges nothing is to be said.
    if (!exchange || !reader) {
      this.destroy(hangUp());
      return;
    }
    try {
      reader.push(chunk);
    } catch (error) {
      this.fail(exchange, error);
      return;
    }
    if (reader.isComplete) this.finish(exchange, reader);
  }

  /** The server has said all that it will: the end of a body without a length, or of a connection. */
  private ended(): void {
    const { exchange, reader } = this;
    if (exchange && reader?.endsWithConnection) this.finish(exchange, reader);
    this.destroy(hangUp());
  }

  private finish(exchange: Exchange, reader: ReplyReader): void {
    this.exchange = undefined;
    this.reader = undefined;
    if (reader.mayKeep && !this.isGone) {
      this.isUsed = true;
      this.socket.unref();
      this.pool.free(this);
    } else {
      this.destroy(hangUp());
    }
    exchange.answered(reader.reply());
  }

  private fail(exchange: Exchange, error: unknown): void {
    if ((error as NodeJS.ErrnoException).code?.startsWith('HPE_')) {
      this.destroy(error as NodeJS.ErrnoException);
      return;
    }
    this.exchange = undefined;
    this.destroy(hangUp());
    exchange.refused(error as ConchError);
  }
}

const staleCodes = new Set(['ECONNRESET', 'EPIPE']);
