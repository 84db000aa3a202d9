import net from 'node:net';
import tls from 'node:tls';
import { statusFromHttp } from '../../../protocol/index.ts';
import type { Done, Sender } from '../load-loops.ts';
import { type HttpAnswer, HttpAnswerReader } from './http-answer.ts';
import type { SenderOptions } from './sender.ts';

/** A request waiting for a connection. */
interface Pending {
  readonly message: Uint8Array;
  readonly done: Done;
}

/** A request whose connection the server had closed while it was idle, as it may: it goes out again. */
interface Again extends Pending {
  readonly sentAt: number;
}

/**
 * Requests over HTTP/1.1, each encoded before, one at a time on a connection; connections are opened as they are needed.
 * Written over sockets, since a client that measures must cost little beside what it measures.
 */
export class HttpSender implements Sender {
  readonly #options: SenderOptions;
  readonly #idle: HttpConnection[] = [];
  readonly #all = new Set<HttpConnection>();
  readonly #waiting: Pending[] = [];
  readonly #watch: NodeJS.Timeout;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#failLate(), 200);
    this.#watch.unref();
  }

  send(index: number, done: Done): void {
    const { messages } = this.#options;
    const pending: Pending = { message: messages[index % messages.length]!, done };
    const free = this.#idle.pop();
    if (free) this.#begin(free, pending);
    else if (this.#all.size < this.#options.connections) this.#begin(this.#open(), pending);
    else this.#waiting.push(pending);
  }

  close(): void {
    clearInterval(this.#watch);
    for (const connection of this.#all) connection.end();
  }

  #begin(connection: HttpConnection, { message, done }: Pending): void {
    connection.begin(message, this.#options.now(), done);
  }

  #open(): HttpConnection {
    const connection = new HttpConnection(this.#options, (usable, again) => {
      if (!usable) {
        this.#all.delete(connection);
        const at = this.#idle.indexOf(connection);
        if (at >= 0) this.#idle.splice(at, 1);
      }
      if (again) this.#open().begin(again.message, again.sentAt, again.done);
      const next = this.#waiting.length > 0 && (usable || !again) ? this.#waiting.shift() : undefined;
      if (next) this.#begin(usable ? connection : this.#open(), next);
      else if (usable) this.#idle.push(connection);
    });
    this.#all.add(connection);
    return connection;
  }

  #failLate(): void {
    const limit = this.#options.now() - this.#options.timeoutMs;
    for (const connection of this.#all) connection.failIfOlder(limit);
  }
}

class HttpConnection {
  readonly #socket: net.Socket;
  readonly #reader = new HttpAnswerReader();
  readonly #options: SenderOptions;
  readonly #onFree: (usable: boolean, again?: Again) => void;
  #sentAt = 0;
  #message: Uint8Array | undefined;
  #done: Done | undefined;
  /** Answered before on this connection, which the server may close between requests without fault. */
  #answered = false;
  #gone = false;

  constructor(options: SenderOptions, onFree: (usable: boolean, again?: Again) => void) {
    this.#options = options;
    this.#onFree = onFree;
    this.#socket = openSocket(options.url);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => this.#lose());
    this.#socket.on('close', () => this.#lose());
  }

  begin(message: Uint8Array, now: number, done: Done): void {
    this.#sentAt = now;
    this.#message = message;
    this.#done = done;
    this.#socket.write(message);
  }

  failIfOlder(limit: number): void {
    if (this.#done !== undefined && this.#sentAt < limit) this.#fail('DEADLINE_EXCEEDED');
  }

  end(): void {
    this.#gone = true;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    let answer: HttpAnswer | undefined;
    try {
      answer = this.#reader.push(chunk);
    } catch (error) {
      this.#options.explain('SERVER_ERROR', (error as Error).message);
      this.#fail('SERVER_ERROR');
      return;
    }
    if (answer) this.#settle(answer);
  }

  #settle({ status, closes, words }: HttpAnswer): void {
    const done = this.#done;
    this.#done = undefined;
    this.#answered = true;
    let failure: string | undefined;
    if (status !== 200) {
      failure = `${statusFromHttp(status)} (HTTP ${status})`;
      this.#options.explain(failure, words);
    }
    if (closes) this.end();
    // Free before the answer is told, since a client then sends its next request at once.
    this.#onFree(!closes);
    done?.(this.#sentAt, failure);
  }

  #lose(): void {
    if (this.#gone) return;
    const done = this.#done;
    const whole = done && this.#reader.end();
    if (whole) {
      this.#settle({ ...whole, closes: true });
    } else if (done && this.#message && this.#answered && this.#reader.isIdle) {
      this.end();
      this.#onFree(false, { message: this.#message, sentAt: this.#sentAt, done });
    } else {
      if (done) this.#options.explain('SERVER_UNREACHABLE', 'the connection broke or was refused');
      this.#fail('SERVER_UNREACHABLE');
    }
  }

  #fail(code: string): void {
    if (this.#gone) return;
    const done = this.#done;
    this.#done = undefined;
    this.end();
    this.#onFree(false);
    done?.(this.#sentAt, code);
  }
}

function openSocket(address: string): net.Socket {
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (url.protocol !== 'https:') return net.connect({ host, port, noDelay: true });
  const socket = tls.connect({
    host,
    port,
    ALPNProtocols: ['http/1.1'],
    ...(net.isIP(host) === 0 && { servername: host }),
  });
  socket.setNoDelay(true);
  return socket;
}
