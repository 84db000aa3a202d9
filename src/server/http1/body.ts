import { ConchError } from '../../base/index.ts';
import type { BodyBudget } from './budget.ts';
import { ChunkReader } from './chunks.ts';
import { chunked } from './head.ts';

/** A chunked body in more pieces than this is refused, as in Triton; it is mostly overhead. */
const maxChunks = 65_536;
/** Room for an announced body is made at once up to here; beyond, it grows with what comes. */
const roomAtOnce = 1 << 20;
const leastRoom = 1 << 16;
/** Kept while nobody has asked for the body yet; then the connection waits. */
const maxUnasked = 65_536;

const empty = new Uint8Array(0);

/**
 * The body of one request as it arrives. It is in one piece, without a copy where it came in one; what nobody wants any
 * more is passed over.
 */
export class Body {
  isComplete: boolean;
  /** Not worth reading to its end: the connection goes with it. */
  isHopeless = false;
  private readonly announced: number;
  private readonly budget: BodyBudget;
  private readonly chunks: ChunkReader | undefined;
  /** What came first, where it was read; once there is more, everything is gathered in `room`. */
  private first: Uint8Array | undefined;
  private room: Uint8Array | undefined;
  private received = 0;
  private charged = 0;
  private isDropped = false;
  private maxBytes: number | undefined;
  private failure: ConchError | undefined;
  private settle:
    | { readonly resolve: (body: Uint8Array) => void; readonly reject: (error: ConchError) => void }
    | undefined;

  constructor(announced: number, budget: BodyBudget) {
    this.announced = announced;
    this.budget = budget;
    this.isComplete = announced === 0;
    this.chunks = announced === chunked ? new ChunkReader() : undefined;
  }

  /** Nobody has asked for it yet, and enough of it is there. */
  get isWaiting(): boolean {
    return !this.isDropped && this.maxBytes === undefined && this.received >= maxUnasked;
  }

  /** Somebody waits for the rest of it. */
  get isAwaited(): boolean {
    return this.settle !== undefined;
  }

  get hasBegun(): boolean {
    return this.received > 0 || this.isComplete;
  }

  /** Takes what belongs to the body from `position` on; the position behind it. Throws a Refusal for bad framing. */
  feed(bytes: Buffer, position: number): number {
    if (this.chunks) {
      const end = this.chunks.read(bytes, position, (from, to) => this.take(bytes, from, to));
      if (this.chunks.isDone) this.finish();
      return end;
    }
    const end = Math.min(bytes.length, position + this.announced - this.received);
    if (end > position) this.take(bytes, position, end);
    if (this.received === this.announced) this.finish();
    return end;
  }

  /**
   * The whole body, without a promise where it is all there. Throws or rejects with REQUEST_TOO_LARGE, REQUEST_INVALID,
   * REQUEST_CANCELLED, QUEUE_FULL.
   */
  read(maxBytes: number): Uint8Array | Promise<Uint8Array> {
    if (this.maxBytes !== undefined) throw new ConchError('INTERNAL', 'a body is read only once');
    this.maxBytes = maxBytes;
    if (this.announced > maxBytes) this.drop(tooLarge(`${this.announced}`, maxBytes));
    else if (this.received > maxBytes) this.drop(tooLarge(`more than ${maxBytes}`, maxBytes));
    if (this.failure) throw this.failure;
    if (this.isComplete) return this.join();
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  /** Lets go of what is there and passes over what comes; whoever reads is told why. */
  drop(reason: ConchError): void {
    this.failure ??= reason;
    this.isDropped = true;
    this.first = undefined;
    this.room = undefined;
    this.release();
    const { settle } = this;
    this.settle = undefined;
    settle?.reject(reason);
  }

  /** Counts `bytes` more for this request, e.g. of what its body unpacks to. Throws QUEUE_FULL. */
  hold(bytes: number): void {
    this.budget.take(bytes);
    this.charged += bytes;
  }

  /** The memory counts no longer: the request has its answer. */
  release(): void {
    if (this.charged > 0) this.budget.giveBack(this.charged);
    this.charged = 0;
  }

  private take(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    const already = this.received;
    this.received += length;
    if (this.isDropped) return;
    if (this.chunks && this.chunks.count > maxChunks) {
      this.isHopeless = true;
      this.drop(new ConchError('REQUEST_INVALID', `the chunked body has more than ${maxChunks} chunks`));
      return;
    }
    const { maxBytes } = this;
    if (maxBytes !== undefined && this.received > maxBytes) {
      this.drop(tooLarge(`more than ${maxBytes}`, maxBytes));
      return;
    }
    try {
      this.hold(length);
    } catch (error) {
      this.drop(error as ConchError);
      return;
    }
    if (already === 0) this.first = new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
    else this.gather(already, bytes.subarray(start, end));
  }

  /** One buffer for all pieces: small ones would each cost more than what is in them. */
  private gather(already: number, piece: Uint8Array): void {
    let { room } = this;
    if (room === undefined || room.length < this.received) {
      const larger = Buffer.allocUnsafeSlow(this.capacity());
      larger.set(room?.subarray(0, already) ?? this.first!);
      room = larger;
      this.room = larger;
      this.first = undefined;
    }
    room.set(piece, already);
  }

  /** Announced lengths are believed once a quarter has come: until then a promise would cost us what it costs nobody. */
  private capacity(): number {
    const { announced, received } = this;
    if (announced !== chunked && (announced <= roomAtOnce || received >= announced / 4)) return announced;
    const doubled = Math.max(leastRoom, 2 * received);
    return announced === chunked ? doubled : Math.min(announced, doubled);
  }

  private join(): Uint8Array {
    const { room } = this;
    return room ? new Uint8Array(room.buffer, 0, this.received) : (this.first ?? empty);
  }

  private finish(): void {
    this.isComplete = true;
    const { settle } = this;
    this.settle = undefined;
    settle?.resolve(this.join());
  }
}

function tooLarge(got: string, limit: number): ConchError {
  return new ConchError('REQUEST_TOO_LARGE', `the request body has ${got} bytes, the limit is ${limit}`, {
    fix: 'raise --http-max-input-size',
  });
}
