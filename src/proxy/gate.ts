import { ConchError } from '../base/index.ts';

/** Counts what is in flight and refuses what would go beyond the limit: a refusal now is better than a long queue. */
export class Gate {
  readonly #limit: number;
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inside(): number {
    return this.#inside;
  }

  /** Runs `work` inside the gate. @throws QUEUE_FULL when it is full. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#limit) {
      throw new ConchError('QUEUE_FULL', `the proxy is at its limit of ${this.#limit} requests at once`);
    }
    this.#inside++;
    try {
      return await work();
    } finally {
      this.#inside--;
    }
  }
}
