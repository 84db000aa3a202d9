/** What is to be known of something that waits to be batched. */
export interface Measure {
  readonly rows: number;
  /** Of a row, in tokens. */
  readonly length: number;
  /** Only what is alike may share a batch. */
  readonly likeness: string;
  /** Milliseconds, of any clock that goes on. */
  readonly arrivedAt: number;
}

export interface LengthWindowOptions<Item extends object> {
  /** Most that a batch may cost: its rows times the length of the longest. */
  readonly maxTokens: number;
  /** How many waiting items of a level are looked at. */
  readonly window: number;
  /** Batches that may take items from behind one before it must be next. */
  readonly maxOvertaken: number;
  /** Milliseconds after which an item is overtaken no more, however few have; 0: no such bound. */
  readonly maxWaitMs: number;
  readonly measure: (item: Item) => Measure;
}

/** What might be sent now. */
export interface LengthBatch<Item> {
  readonly chosen: ReadonlySet<Item>;
  readonly rows: number;
  /** Something waits that this batch cannot take. */
  readonly full: boolean;
  /** When the first of all that wait came in. */
  readonly oldest: number;
  /** To be called when it is sent: who was passed over is nearer to being next. */
  readonly sent: () => void;
}

interface Candidate<Item> extends Measure {
  readonly item: Item;
  /** Its place in the order of service. */
  readonly place: number;
}

/**
 * Chooses batches of like lengths within a budget of tokens. The item whose turn it is is always in the batch; the
 * others are those of a window of the waiting that are nearest to it in length. Nobody is overtaken by more than
 * `maxOvertaken` batches, or once it has waited for `maxWaitMs`, and a level of priority only gives way when all that
 * wait at it are in the batch.
 */
export class LengthWindow<Item extends object> {
  readonly #options: LengthWindowOptions<Item>;
  readonly #overtaken = new WeakMap<Item, number>();

  constructor(options: LengthWindowOptions<Item>) {
    this.#options = options;
  }

  /** `lanes`: what waits at each level of priority, in order of service. Undefined when nothing waits. */
  form(lanes: Iterable<Iterable<Item>>, maxRows: number, now: number): LengthBatch<Item> | undefined {
    const { window, measure, maxTokens } = this.#options;
    const batch = new Draft<Item>(maxTokens, maxRows);
    const passed: Item[] = [];
    let oldest = Number.POSITIVE_INFINITY;
    let full = false;
    for (const lane of lanes) {
      const seen: Candidate<Item>[] = [];
      for (const item of lane) {
        const measured = measure(item);
        oldest = Math.min(oldest, measured.arrivedAt);
        if (seen.length === window) {
          full = true;
          break;
        }
        seen.push({ ...measured, item, place: seen.length });
      }
      const left = this.#fill(batch, seen, now);
      const last = Math.max(-1, ...seen.filter(({ item }) => batch.chosen.has(item)).map(({ place }) => place));
      passed.push(...left.filter(({ place }) => place < last).map(({ item }) => item));
      full ||= left.length > 0;
      if (full) break;
    }
    if (batch.chosen.size === 0) return undefined;
    const sent = (): void => {
      for (const item of passed) this.#overtaken.set(item, (this.#overtaken.get(item) ?? 0) + 1);
    };
    return { chosen: batch.chosen, rows: batch.rows, full, oldest, sent };
  }

  /** Takes what fits of a lane; returns what does not, in order of service. */
  #fill(batch: Draft<Item>, seen: readonly Candidate<Item>[], now: number): Candidate<Item>[] {
    const left = new Set(seen);
    const take = (candidate: Candidate<Item>): boolean => batch.add(candidate) && left.delete(candidate);
    const [first] = seen;
    // Whose turn it is: into an empty batch whatever it costs.
    if (!first || !take(first)) return [...left];
    // Those that must not be overtaken any more go in, or nobody behind the first that does not fit.
    const blocked = seen.find((candidate) => left.has(candidate) && this.#isDue(candidate, now) && !take(candidate));
    const eligible = [...left].filter(({ place }) => !blocked || place < blocked.place);
    for (const candidate of batch.byNearness(eligible)) take(candidate);
    return [...left];
  }

  #isDue({ item, arrivedAt }: Candidate<Item>, now: number): boolean {
    const { maxOvertaken, maxWaitMs } = this.#options;
    return (this.#overtaken.get(item) ?? 0) >= maxOvertaken || (maxWaitMs > 0 && now - arrivedAt >= maxWaitMs);
  }
}

/** A batch that grows within its limits. */
class Draft<Item> {
  readonly chosen = new Set<Item>();
  rows = 0;
  #longest = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #likeness = '';
  readonly #maxTokens: number;
  readonly #maxRows: number;

  constructor(maxTokens: number, maxRows: number) {
    this.#maxTokens = maxTokens;
    this.#maxRows = maxRows;
  }

  add({ item, rows, length, likeness }: Candidate<Item>): boolean {
    const longest = Math.max(this.#longest, length);
    if (this.chosen.size > 0) {
      if (likeness !== this.#likeness || this.rows + rows > this.#maxRows) return false;
      if ((this.rows + rows) * longest > this.#maxTokens) return false;
    }
    this.chosen.add(item);
    this.rows += rows;
    this.#likeness = likeness;
    this.#longest = longest;
    this.#shortest = Math.min(this.#shortest, length);
    return true;
  }

  /** Those between the shortest and the longest that are in, then those that widen the range least; ties as they came. */
  byNearness(candidates: readonly Candidate<Item>[]): Candidate<Item>[] {
    const distance = ({ length }: Candidate<Item>): number =>
      Math.max(0, length - this.#longest, this.#shortest - length);
    return candidates
      .map((candidate) => ({ candidate, away: distance(candidate) }))
      .sort((a, b) => a.away - b.away || a.candidate.place - b.candidate.place)
      .map(({ candidate }) => candidate);
  }
}
