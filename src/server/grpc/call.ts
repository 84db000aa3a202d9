import { ConchError, toConchError } from '../../base/index.ts';
import { type ContentCoding, compress, frameOf, grpcStatus, parseGrpcTimeout } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';

/** gRPC status codes that Triton's own errors do not map to. */
export const grpcCodes = { ok: 0, deadlineExceeded: 4, resourceExhausted: 8, unimplemented: 12 } as const;

/** gRPC's bound on a message, and Triton's on a response. */
const maxMessageBytes = 2 ** 31 - 1;

/** One RPC as its transport carries it. After `end`, or once the client has gone, nothing that is called has effect. */
export interface CallStream {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Metadata of the request by its lower-case name. */
  header(name: string): string | undefined;
  /** All of it. */
  headers(): Iterable<readonly [name: string, value: string]>;
  /** Sends the response's headers, unless they are out, and bytes. `encoding` is for the headers. */
  write(parts: readonly Uint8Array[], encoding: ContentCoding | undefined): void;
  /** Ends the call: with the last bytes and status 0, or without bytes. */
  end(parts: readonly Uint8Array[], encoding: ContentCoding | undefined, status: number, message: string): void;
  /** Bytes that the client has not taken yet. */
  readonly pendingBytes: number;
}

/** What a method does with what comes. */
export interface Receiver {
  message(bytes: Uint8Array): void;
  /** The client will send no more. */
  halfClose?(): void;
  /** The server is about to end. */
  stopping?(): void;
}

/** One RPC: how methods learn of its end and answer it. */
export class Call {
  readonly context: ServerContext;
  readonly stream: CallStream;
  /** How large messages of the answer are compressed; undefined: not at all. */
  encoding: ContentCoding | undefined;
  /** It has its answer, or nobody waits for one. */
  isDone = false;
  /** Called once when it is done, for the transport's books. */
  onDone: (() => void) | undefined;
  #controller: AbortController | undefined;
  #isCancelled = false;
  #timer: NodeJS.Timeout | undefined;
  /** Messages that are being compressed go out in order. */
  #line: Promise<void> | undefined;

  constructor(stream: CallStream, context: ServerContext) {
    this.stream = stream;
    this.context = context;
    const timeout = stream.header('grpc-timeout');
    if (timeout !== undefined) this.#limit(timeout);
  }

  /** Aborted when the client goes away or its deadline passes before the call is done. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isCancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The client has gone or given up. */
  cancel(): void {
    if (this.isDone) return;
    this.#done();
    this.#isCancelled = true;
    this.#controller?.abort();
  }

  /** Sends one of several messages. */
  send(parts: readonly Uint8Array[]): void {
    if (this.isDone || this.#isTooLarge(parts)) return;
    const { encoding } = this;
    if (encoding === undefined && !this.#line) this.stream.write(framed(parts), undefined);
    else this.#inLine(async () => this.stream.write(await squeezed(parts, encoding), encoding));
    // A client that does not read must not make us keep all that the models say.
    if (this.stream.pendingBytes > this.context.limits.maxRequestBytes) {
      this.fail(new ConchError('QUEUE_FULL', 'the client does not read its responses'), grpcCodes.resourceExhausted);
      this.#isCancelled = true;
      this.#controller?.abort();
    }
  }

  /** Sends the only message, and ends well. */
  reply(parts: readonly Uint8Array[]): void {
    if (this.isDone || this.#isTooLarge(parts)) return;
    const { encoding } = this;
    this.#done();
    if (encoding === undefined) this.stream.end(framed(parts), undefined, grpcCodes.ok, '');
    else this.#inLine(async () => this.stream.end(await squeezed(parts, encoding), encoding, grpcCodes.ok, ''));
  }

  /** Ends well after any number of messages. */
  finish(): void {
    this.#end(grpcCodes.ok, '');
  }

  /** Ends with an error; `status` where it is not the error's own. */
  fail(thrown: unknown, status?: number): void {
    if (this.isDone) return;
    const error = toConchError(thrown);
    this.#end(status ?? grpcStatus(error.status), this.publicMessage(error));
  }

  /** What a client may read of an error. Defects are logged and keep their details to themselves. */
  publicMessage(error: ConchError): string {
    if (error.code !== 'INTERNAL') return error.message;
    this.context.logger.error({ err: error.cause ?? error, method: this.stream.path }, 'a request failed');
    return 'internal error; the log has details';
  }

  #isTooLarge(parts: readonly Uint8Array[]): boolean {
    const size = sizeOf(parts);
    if (size <= maxMessageBytes) return false;
    const limit = `a gRPC message holds at most ${maxMessageBytes}`;
    this.fail(new ConchError('REQUEST_INVALID', `the response has ${size} bytes, ${limit}`));
    return true;
  }

  #end(status: number, message: string): void {
    if (this.isDone) return;
    this.#done();
    if (!this.#line) this.stream.end([], this.encoding, status, message);
    else this.#inLine(async () => this.stream.end([], this.encoding, status, message));
  }

  #done(): void {
    this.isDone = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.onDone?.();
  }

  #limit(header: string): void {
    const milliseconds = parseGrpcTimeout(header);
    // Timers hold 2^31 ms; nobody waits for 24 days.
    if (milliseconds === undefined || milliseconds >= 2 ** 31) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#end(grpcCodes.deadlineExceeded, 'the deadline of the call has passed');
      this.#isCancelled = true;
      this.#controller?.abort();
    }, milliseconds);
  }

  #inLine(send: () => Promise<void>): void {
    const next = (this.#line ?? Promise.resolve()).then(send);
    this.#line = next.catch((error) => this.context.logger.error({ err: error }, 'a response could not be sent'));
  }
}

function framed(parts: readonly Uint8Array[]): Uint8Array[] {
  return [frameOf(sizeOf(parts)), ...parts];
}

function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

async function squeezed(parts: readonly Uint8Array[], encoding: ContentCoding | undefined): Promise<Uint8Array[]> {
  if (encoding === undefined) return framed(parts);
  const packed = await compress(Buffer.concat(parts), encoding);
  return [frameOf(packed.length, true), packed];
}
