export interface CacheLimits {
  /** Bytes of keys and values together, at the most. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

interface Held<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** What an entry costs beside its key and its value. */
const overheadBytes = 200;

/** Values by key within bounds of bytes and of number; what was used longest ago goes first. */
export class Store<Value> {
  readonly #limits: CacheLimits;
  readonly #held = new Map<string, Held<Value>>();
  #bytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Value | undefined {
    const held = this.#held.get(key);
    if (!held) return undefined;
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.value;
  }

  /** `bytes`: of the value. One that is larger than all may be is not kept. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    const all = 2 * key.length + bytes + overheadBytes;
    const { maxBytes, maxEntries } = this.#limits;
    if (all > maxBytes) return;
    this.#held.set(key, { value, bytes: all });
    this.#bytes += all;
    for (const [oldest] of this.#held) {
      if (this.#bytes <= maxBytes && this.#held.size <= maxEntries) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const held = this.#held.get(key);
    if (!held) return;
    this.#held.delete(key);
    this.#bytes -= held.bytes;
  }
}
