import { ConchError } from '../../base/index.ts';
import { decompress, FrameReader, parseContentEncoding } from '../../protocol/index.ts';
import type { BodyBudget } from '../http1/index.ts';
import { type CallStream, grpcCodes } from './call.ts';
import type { Accepted } from './dispatch.ts';
import type { TransportHost } from './transport.ts';

/** The bytes that a client sends on one call, cut into messages, unpacked and bounded. */
export class Inbound {
  readonly #accepted: Accepted;
  readonly #frames: FrameReader;
  readonly #maxBytes: number;
  readonly #budget: BodyBudget;
  #charged = 0;
  /** Set while messages are being unpacked, so that all keep their order. */
  #line: Promise<void> | undefined;

  private constructor(accepted: Accepted, host: TransportHost) {
    this.#accepted = accepted;
    this.#frames = new FrameReader(host.maxMessageBytes);
    this.#maxBytes = host.maxMessageBytes;
    this.#budget = host.budget;
  }

  /** Begins to serve the call that a stream carries. */
  static open(stream: CallStream, host: TransportHost): Inbound {
    const accepted = host.accept(stream);
    const inbound = new Inbound(accepted, host);
    const { call } = accepted;
    if (call.isDone) return inbound;
    const done = host.track(accepted);
    call.onDone = () => {
      inbound.#charge(0);
      done();
    };
    // An end of the server may have ended it meanwhile.
    if (call.isDone) call.onDone();
    return inbound;
  }

  /** The client has gone or given up. */
  cancel(): void {
    this.#accepted.call.cancel();
  }

  data(chunk: Uint8Array): void {
    const { call, receiver } = this.#accepted;
    if (call.isDone) return;
    try {
      for (const { compressed, message } of this.#frames.push(chunk)) {
        if (!compressed && !this.#line) receiver.message(message);
        else this.#inLine(async () => receiver.message(compressed ? await this.#unpack(message) : message));
      }
      this.#charge(this.#frames.pendingBytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  end(): void {
    const { call, receiver } = this.#accepted;
    if (call.isDone) return;
    if (this.#frames.amid) {
      call.fail(new ConchError('REQUEST_MALFORMED', 'the call ended amid a message'));
    } else if (this.#line) this.#inLine(async () => receiver.halfClose?.());
    else receiver.halfClose?.();
  }

  /** Only unfinished messages count: what becomes of whole ones is the engine's queues' to bound. */
  #charge(bytes: number): void {
    const more = bytes - this.#charged;
    if (more > 0) this.#budget.take(more);
    else if (more < 0) this.#budget.giveBack(-more);
    this.#charged = bytes;
  }

  #unpack(message: Uint8Array): Promise<Uint8Array> {
    const coding = parseContentEncoding(this.#accepted.call.stream.header('grpc-encoding'));
    if (!coding) {
      throw new ConchError('REQUEST_MALFORMED', "a message is compressed, but the call has no 'grpc-encoding'");
    }
    return decompress(message, coding, this.#maxBytes);
  }

  #inLine(work: () => Promise<void>): void {
    this.#line = (this.#line ?? Promise.resolve()).then(work).catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    const isLarge = error instanceof ConchError && error.code === 'REQUEST_TOO_LARGE';
    this.#accepted.call.fail(error, isLarge ? grpcCodes.resourceExhausted : undefined);
  }
}
