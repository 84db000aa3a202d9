import { ConnectionError, errorCodes } from './frames.ts';

/** Streams that we have reset, and that the client may not know of yet: so many are remembered. */
const mostRemembered = 1000;
/** Streams that a client may reset before it is told to calm down, and how many more each second. */
const resetsAtOnce = 10_000;
const resetsPerSecond = 1000;

/** The streams of a connection that either side has reset. */
export class Resets {
  readonly #ours = new Set<number>();
  #left = resetsAtOnce;
  #countedAt = 0;

  /** We reset a stream: what was on its way on it will still come. */
  add(id: number): void {
    this.#ours.add(id);
    if (this.#ours.size > mostRemembered) this.#ours.delete(this.#ours.values().next().value!);
  }

  /** A frame has come on a stream that is closed. Throws unless it may have been on its way when we reset the stream. */
  readOver(id: number, what: string): void {
    if (this.#ours.has(id)) return;
    throw new ConnectionError(errorCodes.streamClosed, `${what} on stream ${id}, which is closed`);
  }

  /** The client resets a stream. Doing so without end costs it nothing, and us a request each: it throws at some point. */
  count(): void {
    const now = performance.now();
    this.#left = Math.min(resetsAtOnce, this.#left + ((now - this.#countedAt) / 1000) * resetsPerSecond) - 1;
    this.#countedAt = now;
    if (this.#left < 0) throw new ConnectionError(errorCodes.enhanceYourCalm, 'too many streams are reset');
  }
}
