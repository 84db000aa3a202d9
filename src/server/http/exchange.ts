import { type ConchError, toConchError } from '../../base/index.ts';
import { httpStatus } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';
import { type Call, headerLines } from '../http1/index.ts';

/**
 * One request and its answer, with the ways in which endpoints read and reply.
 *
 * An answer whose parts come one after the other: `const reply = exchange.head(200, ['Content-Type', ...])`, then
 * `reply.write(text)` (when it says false, `await reply.drained()`) and `reply.end()`; `exchange.isGone` tells when
 * nobody listens any more.
 */
export class Exchange {
  readonly call: Call;
  readonly context: ServerContext;

  constructor(call: Call, context: ServerContext) {
    this.call = call;
    this.context = context;
  }

  /** A header of the request by its lower-case name. */
  header(name: string): string | undefined {
    return this.call.header(name);
  }

  /** All headers of the request, named as they were sent. */
  headers(): Iterable<readonly [name: string, value: string]> {
    return this.call.headers();
  }

  /** Aborted when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    return this.call.signal;
  }

  /** The client has gone, or has its answer already: nothing more need be done. */
  get isGone(): boolean {
    return this.call.isGone;
  }

  /**
   * The body, in one piece without a copy where it came in one; without a promise where it is all there. Throws or rejects
   * with REQUEST_TOO_LARGE, REQUEST_INVALID (too many chunks), REQUEST_CANCELLED, QUEUE_FULL (too many bytes of bodies
   * under way).
   */
  readBody(maxBytes: number): Uint8Array | Promise<Uint8Array> {
    return this.call.readBody(maxBytes);
  }

  /** Counts memory beyond the body's own with that of all requests under way. Throws QUEUE_FULL. */
  hold(bytes: number): void {
    if (!this.isGone) this.call.body.hold(bytes);
  }

  /** A header of the answer to come, whatever it will be. */
  setHeader(name: string, value: string): void {
    this.call.setHeader(name, value);
  }

  /** A status without a body. */
  replyEmpty(status: number): void {
    this.head(status, ['Content-Length', 0]).end();
  }

  replyJson(status: number, value: unknown): void {
    this.replyText(status, 'application/json', JSON.stringify(value));
  }

  replyText(status: number, contentType: string, text: string): void {
    this.call.reply(status, headerLines(['Content-Type', contentType]), text);
  }

  /** Triton's error form. */
  replyError(thrown: unknown): void {
    const error = toConchError(thrown);
    const message = this.publicMessage(error);
    if (this.call.isStarted) this.call.breakOff();
    else this.replyJson(httpStatus(error.status), { error: message });
  }

  /** What a client may read of an error. Defects are logged and keep their details to themselves. */
  publicMessage(error: ConchError): string {
    if (error.code !== 'INTERNAL') return error.message;
    this.context.logger.error({ err: error.cause ?? error, url: this.call.url }, 'a request failed');
    return 'internal error; the log has details';
  }

  /** Begins an answer. `headers`: names and values in turn; without a Content-Length the body may have any length. */
  head(status: number, headers: readonly (string | number)[]): Call {
    return this.call.start(status, headers);
  }
}
