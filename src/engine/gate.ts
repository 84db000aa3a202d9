/** Lets a number of holders in at a time; the others wait in line. */
export class Gate {
  readonly #limit: number;
  readonly #line: (() => void)[] = [];
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when there is room; each `enter` needs its `leave`. */
  async enter(): Promise<void> {
    if (this.#inside < this.#limit) {
      this.#inside += 1;
      return;
    }
    // Whoever leaves hands the place over, so the count stays.
    await new Promise<void>((resolve) => this.#line.push(resolve));
  }

  leave(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#inside -= 1;
  }
}
