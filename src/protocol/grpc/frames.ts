import { ConchError } from '../../base/index.ts';

/** Bytes before each gRPC message: a flag (1: compressed) and the message's length, big-endian. */
export const frameHead = 5;

export interface Frame {
  readonly compressed: boolean;
  readonly message: Uint8Array;
}

const nothing = new Uint8Array(0);

/**
 * Cuts a stream of bytes into gRPC messages. A message that comes in one piece is a view of it; one that comes in
 * several is put together once, when it is whole, and no memory is taken on the word of its length alone.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #pending: Uint8Array[] = [];
  #length = 0;

  /** `maxBytes` bounds a message. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next bytes and gives the messages that are whole now. Throws REQUEST_TOO_LARGE, REQUEST_MALFORMED. */
  push(chunk: Uint8Array): Frame[] {
    let bytes = chunk;
    if (this.#length > 0) {
      this.#pending.push(chunk);
      this.#length += chunk.length;
      if (this.#length < this.#wanted()) return [];
      bytes = join(this.#pending, this.#length);
      this.#pending = [];
      this.#length = 0;
    }
    const frames: Frame[] = [];
    let offset = 0;
    while (bytes.length - offset >= frameHead) {
      const size = this.#check(bytes, offset);
      const end = offset + frameHead + size;
      if (end > bytes.length) break;
      frames.push({ compressed: bytes[offset] === 1, message: bytes.subarray(offset + frameHead, end) });
      offset = end;
    }
    if (offset < bytes.length) {
      this.#pending = [offset === 0 ? bytes : bytes.subarray(offset)];
      this.#length = bytes.length - offset;
    }
    return frames;
  }

  /** Whether a message has begun that is not whole. */
  get amid(): boolean {
    return this.#length > 0;
  }

  /** Bytes of a message that is not whole. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** How many bytes are needed before anything can be cut off. */
  #wanted(): number {
    if (this.#length < frameHead) return frameHead;
    let [head = nothing] = this.#pending;
    if (head.length < frameHead) {
      head = join(this.#pending, this.#length);
      this.#pending = [head];
    }
    return frameHead + this.#check(head, 0);
  }

  #check(bytes: Uint8Array, offset: number): number {
    const flag = bytes[offset]!;
    if (flag > 1) throw new ConchError('REQUEST_MALFORMED', `a gRPC message begins with flag ${flag}, not 0 or 1`);
    const size =
      bytes[offset + 1]! * 2 ** 24 + (bytes[offset + 2]! << 16) + (bytes[offset + 3]! << 8) + bytes[offset + 4]!;
    if (size > this.#maxBytes) {
      throw new ConchError('REQUEST_TOO_LARGE', `the message has ${size} bytes, the limit is ${this.#maxBytes}`);
    }
    return size;
  }
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The five bytes before a message of `size` bytes. */
export function frameOf(size: number, compressed = false): Uint8Array {
  const head = new Uint8Array(frameHead);
  head[0] = compressed ? 1 : 0;
  head[1] = size >>> 24;
  head[2] = size >>> 16;
  head[3] = size >>> 8;
  head[4] = size;
  return head;
}
