/** Requests as they went, in the order of their ends: three times in milliseconds and a failure or none. */
export interface SampleBatch {
  /** Four numbers a request: intended, sent, done, and 0 or 1 + the failure's place in `failures`. */
  readonly rows: Float64Array;
  readonly failures: readonly string[];
}

const width = 4;

/** Collects requests in one growing array, since a measurement may have millions. */
export class Samples {
  #rows = new Float64Array(width * 1024);
  #length = 0;
  readonly #failures: string[] = [];

  get count(): number {
    return this.#length / width;
  }

  add(intended: number, sent: number, done: number, failure: string | undefined): void {
    if (this.#length === this.#rows.length) {
      const grown = new Float64Array(2 * this.#rows.length);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    const at = this.#length;
    this.#rows[at] = intended;
    this.#rows[at + 1] = sent;
    this.#rows[at + 2] = done;
    this.#rows[at + 3] = failure === undefined ? 0 : 1 + this.#codeOf(failure);
    this.#length += width;
  }

  addBatch({ rows, failures }: SampleBatch): void {
    for (let at = 0; at < rows.length; at += width) {
      const code = rows[at + 3]!;
      this.add(rows[at]!, rows[at + 1]!, rows[at + 2]!, code === 0 ? undefined : failures[code - 1]!);
    }
  }

  /** What has been collected, which is then forgotten; undefined where nothing has. */
  take(): SampleBatch | undefined {
    if (this.#length === 0) return undefined;
    const rows = this.#rows.slice(0, this.#length);
    this.#length = 0;
    return { rows, failures: [...this.#failures] };
  }

  forEach(visit: (intended: number, sent: number, done: number, failure: string | undefined) => void): void {
    for (let at = 0; at < this.#length; at += width) {
      const code = this.#rows[at + 3]!;
      const failure = code === 0 ? undefined : this.#failures[code - 1]!;
      visit(this.#rows[at]!, this.#rows[at + 1]!, this.#rows[at + 2]!, failure);
    }
  }

  #codeOf(failure: string): number {
    const known = this.#failures.indexOf(failure);
    return known >= 0 ? known : this.#failures.push(failure) - 1;
  }
}
