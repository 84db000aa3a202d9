import { ConchError } from '../base/index.ts';
import { type ModelConfig, toInteger } from '../config/index.ts';
import { elementCount } from '../tensor/index.ts';
import { integerParameter } from './parameters.ts';
import type { RequestQueue } from './queue.ts';
import type { PendingRequest } from './request.ts';

export interface TokenWindowOptions {
  /** Most that a batch may cost: its rows times the length of the longest. */
  readonly maxTokens: number;
  /** How many waiting requests of a level are looked at. */
  readonly window: number;
  /** Batches that may take requests from behind one before it must be next. */
  readonly maxOvertaken: number;
  /** Milliseconds after which a request is overtaken no more, however few have; 0: no such bound. */
  readonly maxWaitMs: number;
  /** Elements of a row of the request. */
  readonly lengthOf: (pending: PendingRequest) => number;
}

/** What might be sent now. */
export interface TokenBatch {
  readonly chosen: ReadonlySet<PendingRequest>;
  readonly rows: number;
  /** Something waits that this batch cannot take. */
  readonly full: boolean;
  /** When the first of all that wait came in. */
  readonly oldest: number;
  /** To be called when it is sent: who was passed over is nearer to being next. */
  readonly sent: () => void;
}

interface Candidate {
  readonly pending: PendingRequest;
  readonly rows: number;
  readonly length: number;
  /** Its place in the order of service. */
  readonly place: number;
}

const mostTokens = 2 ** 40;

/**
 * The window that a config asks for by `conch.max_batch_tokens`, with `conch.batch_window`, `conch.batch_max_overtaken`
 * and `conch.batch_max_wait_microseconds`; undefined without. Throws MODEL_LOAD_FAILED where it makes no sense.
 */
export function tokenWindowOf(config: ModelConfig): TokenWindowOptions | undefined {
  const maxTokens = integerParameter(config, 'conch.max_batch_tokens', mostTokens);
  if (maxTokens === undefined) return undefined;
  const lengths = (config.input ?? []).filter((input) => input.allow_ragged_batch).map((input) => input.name!);
  const refuse = (what: string): never => {
    throw new ConchError('MODEL_LOAD_FAILED', `parameter 'conch.max_batch_tokens' ${what}`, {
      where: { path: 'parameters["conch.max_batch_tokens"]' },
    });
  };
  if (maxTokens === 0) refuse('must be at least 1');
  if (lengths.length === 0)
    refuse('needs an input with allow_ragged_batch: requests of other lengths share no batch else');
  if (!config.dynamic_batching) refuse('needs dynamic_batching');
  return {
    maxTokens,
    window: Math.max(1, integerParameter(config, 'conch.batch_window', 1e6) ?? 8 * toInteger(config.max_batch_size)),
    maxOvertaken: integerParameter(config, 'conch.batch_max_overtaken', 1e6) ?? 4,
    maxWaitMs: (integerParameter(config, 'conch.batch_max_wait_microseconds', 1e12) ?? 0) / 1000,
    lengthOf({ request }) {
      const counts = request.inputs
        .filter(({ name }) => lengths.includes(name))
        .map(({ shape }) => elementCount(shape));
      return Math.max(0, ...counts) / request.rows;
    },
  };
}

/**
 * Chooses batches of like lengths within a budget of tokens. The request whose turn it is is always in the batch; the
 * others are those of a window of the waiting that are nearest to it in length. Nobody is overtaken by more than
 * `maxOvertaken` batches, or once it has waited for `maxWaitMs`, and a level of priority only gives way when all that
 * wait at it are in the batch.
 */
export class TokenWindow {
  readonly #options: TokenWindowOptions;
  readonly #overtaken = new WeakMap<PendingRequest, number>();

  constructor(options: TokenWindowOptions) {
    this.#options = options;
  }

  /** Undefined when nothing waits. */
  form(queue: RequestQueue, maxRows: number, now: number): TokenBatch | undefined {
    const { window } = this.#options;
    const batch = new Draft(this.#options.maxTokens, maxRows);
    const passed: PendingRequest[] = [];
    let oldest = Number.POSITIVE_INFINITY;
    let full = false;
    for (const lane of queue.lanes()) {
      const seen: Candidate[] = [];
      for (const pending of lane) {
        oldest = Math.min(oldest, pending.arrivedAt);
        if (seen.length === window) {
          full = true;
          break;
        }
        const length = this.#options.lengthOf(pending);
        seen.push({ pending, rows: pending.request.rows, length, place: seen.length });
      }
      const left = this.#fill(batch, seen, now);
      const last = Math.max(-1, ...seen.filter(({ pending }) => batch.chosen.has(pending)).map(({ place }) => place));
      passed.push(...left.filter(({ place }) => place < last).map(({ pending }) => pending));
      full ||= left.length > 0;
      if (full) break;
    }
    if (batch.chosen.size === 0) return undefined;
    const sent = (): void => {
      for (const pending of passed) this.#overtaken.set(pending, (this.#overtaken.get(pending) ?? 0) + 1);
    };
    return { chosen: batch.chosen, rows: batch.rows, full, oldest, sent };
  }

  /** Takes what fits of a lane; returns what does not, in order of service. */
  #fill(batch: Draft, seen: readonly Candidate[], now: number): Candidate[] {
    const left = new Set(seen);
    const take = (candidate: Candidate): boolean => batch.add(candidate) && left.delete(candidate);
    const [first] = seen;
    // Whose turn it is: into an empty batch whatever it costs.
    if (!first || !take(first)) return [...left];
    // Those that must not be overtaken any more go in, or nobody behind the first that does not fit.
    const blocked = seen.find((candidate) => left.has(candidate) && this.#isDue(candidate, now) && !take(candidate));
    const eligible = [...left].filter(({ place }) => !blocked || place < blocked.place);
    for (const candidate of batch.byNearness(eligible)) take(candidate);
    return [...left];
  }

  #isDue({ pending }: Candidate, now: number): boolean {
    const { maxOvertaken, maxWaitMs } = this.#options;
    return (
      (this.#overtaken.get(pending) ?? 0) >= maxOvertaken || (maxWaitMs > 0 && now - pending.arrivedAt >= maxWaitMs)
    );
  }
}

/** A batch that grows within its limits. */
class Draft {
  readonly chosen = new Set<PendingRequest>();
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

  add({ pending, rows, length }: Candidate): boolean {
    const { likeness } = pending.request;
    const longest = Math.max(this.#longest, length);
    if (this.chosen.size > 0) {
      if (likeness !== this.#likeness || this.rows + rows > this.#maxRows) return false;
      if ((this.rows + rows) * longest > this.#maxTokens) return false;
    }
    this.chosen.add(pending);
    this.rows += rows;
    this.#likeness = likeness;
    this.#longest = longest;
    this.#shortest = Math.min(this.#shortest, length);
    return true;
  }

  /** Those between the shortest and the longest that are in, then those that widen the range least; ties as they came. */
  byNearness(candidates: readonly Candidate[]): Candidate[] {
    const distance = ({ length }: Candidate): number => Math.max(0, length - this.#longest, this.#shortest - length);
    return candidates
      .map((candidate) => ({ candidate, away: distance(candidate) }))
      .sort((a, b) => a.away - b.away || a.candidate.place - b.candidate.place)
      .map(({ candidate }) => candidate);
  }
}
