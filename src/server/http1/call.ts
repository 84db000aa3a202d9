import type { Body } from './body.ts';
import type { Connection } from './connection.ts';
import type { Head } from './head.ts';
import { dateLine, headerLines, statusLine } from './response-head.ts';

/** Up to here head and body leave in one piece; copying is cheaper than a second write. */
const joinBelow = 64 * 1024;

const noParts: readonly Uint8Array[] = [];

/** How the end of an answer is told: by a length, by a last chunk, or by the end of the connection. */
type Framing = 'length' | 'chunks' | 'end';

/**
 * One request and its answer. An answer is begun with `start` and ended with `end`, once; whatever comes after it has
 * ended, or its client has gone, does nothing.
 */
export class Call {
  readonly body: Body;
  /** Whether the connection may serve another request afterwards. */
  keepAlive: boolean;
  /** The answer has begun; it cannot become another one. */
  isStarted = false;
  /** The answer has been given, or there is nobody to give it to. */
  isDone = false;
  private readonly connection: Connection;
  private readonly requestHead: Head;
  /** Header lines that the answer gets whatever it will be. */
  private extraLines = '';
  /** The answer's head while it waits for the first bytes of the body, to leave with them. */
  private unsent: string | undefined;
  private framing: Framing = 'length';
  private hasBody = true;
  /** Of an announced length: the bytes still to come. */
  private left = 0;

  constructor(connection: Connection, head: Head, body: Body) {
    this.connection = connection;
    this.requestHead = head;
    this.body = body;
    this.keepAlive = head.keepAlive;
  }

  get method(): string {
    return this.requestHead.method;
  }

  /** The request's target as it was sent. */
  get url(): string {
    return this.requestHead.target;
  }

  /** A request's header by its lower-case name; of one that came several times all values, with commas between. */
  header(name: string): string | undefined {
    return this.requestHead.header(name);
  }

  /** All headers of the request, named as they were sent. */
  headers(): Iterable<readonly [name: string, value: string]> {
    return this.requestHead.headers();
  }

  /** The client has gone, or has been told otherwise; an answer would reach nobody. */
  get isGone(): boolean {
    return this.isDone || this.connection.isDestroyed;
  }

  /** Aborted when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    return this.connection.signal;
  }

  /** The body, in one piece without a copy where it came in one; without a promise where it is all there. As `Body.read`. */
  readBody(maxBytes: number): Uint8Array | Promise<Uint8Array> {
    const { body, requestHead } = this;
    const reading = body.read(maxBytes);
    if (body.isAwaited) this.connection.bodyIsWanted(requestHead.expectsContinue && !body.hasBegun);
    return reading;
  }

  /** A header of the answer to come, whatever it will be. */
  setHeader(name: string, value: string | number): void {
    this.extraLines += headerLines([name, value]);
  }

  /** Begins the answer. `headers`: names and values in turn; without a Content-Length the body goes in chunks. */
  start(status: number, headers: readonly (string | number)[]): this {
    if (this.isGone || this.isStarted) return this;
    const lines = headerLines(headers);
    const at = headers.indexOf('Content-Length');
    if (at >= 0) this.begin(status, lines, Number(headers[at + 1]));
    else if (this.requestHead.isOld) {
      this.framing = 'end';
      this.keepAlive = false;
      this.begin(status, lines, 0);
    } else {
      this.framing = 'chunks';
      this.begin(status, `${lines}Transfer-Encoding: chunked\r\n`, 0);
    }
    return this;
  }

  /**
   * The whole answer at once. `lines`: header lines as `headerLines` makes them, without Content-Length; the body: text
   * of `textLength` bytes in UTF-8, then `parts`.
   */
  reply(
    status: number,
    lines: string,
    text: string,
    textLength = Buffer.byteLength(text),
    parts: readonly Uint8Array[] = noParts,
  ): void {
    if (this.isGone || this.isStarted) return;
    let length = textLength;
    for (const part of parts) length += part.length;
    this.begin(status, `${lines}Content-Length: ${length}\r\n`, length);
    if (parts.length === 0 || !this.hasBody) this.send(text, textLength, true);
    else if (length > joinBelow) {
      this.write(text);
      for (const part of parts) this.write(part);
    } else {
      const bytes = Buffer.allocUnsafe(this.unsent!.length + length);
      let position = bytes.write(this.unsent!, 0, 'latin1');
      position += bytes.write(text, position);
      for (const part of parts) {
        bytes.set(part, position);
        position += part.length;
      }
      this.unsent = undefined;
      this.left = 0;
      this.connection.write(bytes);
    }
    this.finish();
  }

  /** Sends a piece of the body. False: the client reads slower than this; `drained` tells when to go on. */
  write(data: string | Uint8Array): boolean {
    if (this.isGone || !this.isStarted) return true;
    const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    if (length === 0) return true;
    return this.send(data, length, false);
  }

  /** Bytes that were written and that the client has not taken yet. */
  get unreadBytes(): number {
    return this.connection.unreadBytes;
  }

  /** Resolves when the client has taken what was written, or has gone. */
  drained(): Promise<void> {
    return this.connection.drained();
  }

  /** Sends the last of the body, or nothing more, and ends the answer. */
  end(data: string | Uint8Array = ''): void {
    if (this.isGone || !this.isStarted) return;
    const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    this.send(data, length, true);
    this.finish();
  }

  private begin(status: number, lines: string, length: number): void {
    const { requestHead } = this;
    this.isStarted = true;
    this.hasBody = requestHead.method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
    this.left = length;
    this.keepAlive &&= this.connection.mayKeep(this);
    let after = this.extraLines;
    if (!this.keepAlive) after += 'Connection: close\r\n';
    else if (requestHead.isOld) after += 'Connection: keep-alive\r\n';
    this.unsent = `${statusLine(status)}${lines}${after}${dateLine()}\r\n`;
  }

  private finish(): void {
    this.isDone = true;
    // Less than what was announced: the client would wait for the rest, or take the next answer for it.
    if (this.framing === 'length' && this.left !== 0 && this.hasBody) this.connection.destroy();
    else this.connection.answered(this);
  }

  /** Ends an answer that has begun and cannot be finished properly; the client sees that it is cut off. */
  breakOff(): void {
    this.connection.destroy();
  }

  private send(data: string | Uint8Array, length: number, last: boolean): boolean {
    const { connection } = this;
    let before = this.unsent ?? '';
    this.unsent = undefined;
    if (!this.hasBody) return connection.writeText(before, true);
    if (this.framing === 'length') {
      this.left -= length;
      if (this.left < 0) {
        connection.destroy();
        return true;
      }
    }
    let after = '';
    if (this.framing === 'chunks') {
      if (length > 0) {
        before += `${length.toString(16)}\r\n`;
        after = '\r\n';
      }
      if (last) after += '0\r\n\r\n';
    }
    if (typeof data === 'string') return connection.writeText(before + data + after, length === data.length);
    if (length === 0) return connection.writeText(before + after, true);
    if (before === '' && after === '') return connection.write(data);
    if (length <= joinBelow) {
      const joined = Buffer.allocUnsafe(before.length + length + after.length);
      joined.write(before, 0, 'latin1');
      joined.set(data, before.length);
      if (after !== '') joined.write(after, before.length + length, 'latin1');
      return connection.write(joined);
    }
    connection.cork();
    connection.writeText(before, true);
    connection.write(data);
    const goOn = connection.writeText(after, true);
    connection.uncork();
    return goOn;
  }
}
