import { ConchError, percentile, toConchError } from '../../base/index.ts';
import type { InferenceRequest, InferenceResponse } from '../../protocol/index.ts';
import { within } from '../deadline.ts';
import { compareResponses } from './compare.ts';
import type { ServerClient } from './endpoint.ts';

export interface ShadowOptions {
  /** The server that gets copies. */
  readonly client: ServerClient;
  /** Share of the inferences that are copied, from 0 to 1. */
  readonly share: number;
  /** Only of this model; of all unless given. */
  readonly model?: string;
  /** Version asked for there; the server's choice unless given. */
  readonly version?: string;
  /** Copies under way at the same time; what comes beyond is not copied. Default 4. */
  readonly concurrent?: number;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

/** What came of the copies of one model's inferences. Times are milliseconds. */
export interface ShadowReport {
  readonly model: string;
  readonly compared: number;
  /** The shadow answered with an error, or too late. */
  readonly failed: number;
  /** Not copied, since too many copies were under way. */
  readonly skipped: number;
  /** Answers that could not be compared number by number, e.g. because of another shape. */
  readonly mismatched: number;
  readonly maxAbsDifference: number;
  readonly rows: number;
  readonly labelDisagreements: number;
  /** Over the newest thousand: of the server, of the shadow, and of the shadow beyond the server for the same inputs. */
  readonly latency: Readonly<Record<'primary' | 'shadow' | 'difference', { p50: number; p95: number }>> | undefined;
  /** Of the newest failure or mismatch. */
  readonly lastProblem?: string;
}

interface Tally {
  compared: number;
  failed: number;
  skipped: number;
  mismatched: number;
  maxAbsDifference: number;
  rows: number;
  labelDisagreements: number;
  lastProblem?: string;
  readonly times: { primary: number; shadow: number }[];
}

const timesKept = 1000;

/**
 * Sends copies of inferences to another server, after they have been answered, and compares. Nobody waits for it, and
 * nothing that happens there reaches a client.
 */
export class Shadow {
  readonly #options: ShadowOptions;
  readonly #tallies = new Map<string, Tally>();
  readonly #stopped = new AbortController();
  #due = 0;
  #underWay = new Set<Promise<void>>();

  /** @throws USAGE for a share that is none. */
  constructor(options: ShadowOptions) {
    if (!(options.share >= 0 && options.share <= 1)) {
      throw new ConchError('USAGE', `shadow: expected a share from 0 to 1, got ${options.share}`);
    }
    this.#options = options;
  }

  get url(): string {
    return this.#options.client.url;
  }

  /** An inference has been answered after `primaryMs`. Never throws, never waits. */
  follow(request: InferenceRequest, answer: InferenceResponse, primaryMs: number): void {
    const { model, share, concurrent = 4 } = this.#options;
    // A sequence's state is in one server, and texts of classes cannot be compared as numbers.
    if (request.sequence || request.outputs?.some(({ classification }) => classification)) return;
    if (model !== undefined && model !== request.model) return;
    this.#due += share;
    if (this.#due < 1) return;
    this.#due -= 1;
    const tally = this.#tallyOf(request.model);
    if (this.#underWay.size >= concurrent || this.#stopped.signal.aborted) {
      tally.skipped++;
      return;
    }
    const copy = this.#copy(request, answer, primaryMs, tally).finally(() => this.#underWay.delete(copy));
    this.#underWay.add(copy);
  }

  report(): ShadowReport[] {
    return [...this.#tallies]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([model, { times, ...tally }]) => ({ model, ...tally, latency: latencyOf(times) }));
  }

  /** Resolves when no copy is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async close(): Promise<void> {
    this.#stopped.abort(new ConchError('SERVER_STOPPING', 'the proxy is closing'));
    await this.settled();
    await this.#options.client.close();
  }

  async #copy(request: InferenceRequest, answer: InferenceResponse, primary: number, tally: Tally): Promise<void> {
    const { client, version, timeoutMs = 10_000 } = this.#options;
    // After the answer has been handed on: encoding a copy must not hold it up.
    await new Promise((resolve) => setImmediate(resolve));
    const startedAt = performance.now();
    try {
      // A version of this server means nothing on another one.
      const copied = { ...request, version };
      const shadowed = await within(timeoutMs, this.#stopped.signal, (signal) => client.infer({ ...copied, signal }));
      tally.compared++;
      tally.times.push({ primary, shadow: performance.now() - startedAt });
      if (tally.times.length > timesKept) tally.times.shift();
      const { mismatch, ...differences } = compareResponses(answer, shadowed);
      tally.maxAbsDifference = Math.max(tally.maxAbsDifference, differences.maxAbsDifference);
      tally.rows += differences.rows;
      tally.labelDisagreements += differences.labelDisagreements;
      if (mismatch !== undefined) {
        tally.mismatched++;
        tally.lastProblem = mismatch;
      }
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return;
      tally.failed++;
      tally.lastProblem = toConchError(thrown).message;
    }
  }

  #tallyOf(model: string): Tally {
    let tally = this.#tallies.get(model);
    if (!tally) {
      const none = { compared: 0, failed: 0, skipped: 0, mismatched: 0 };
      tally = { ...none, maxAbsDifference: 0, rows: 0, labelDisagreements: 0, times: [] };
      this.#tallies.set(model, tally);
    }
    return tally;
  }
}

function latencyOf(times: readonly { primary: number; shadow: number }[]): ShadowReport['latency'] {
  if (times.length === 0) return undefined;
  const of = (values: number[]) => {
    const sorted = values.sort((a, b) => a - b);
    const rounded = (p: number) => Number(percentile(sorted, p).toFixed(3));
    return { p50: rounded(50), p95: rounded(95) };
  };
  return {
    primary: of(times.map(({ primary }) => primary)),
    shadow: of(times.map(({ shadow }) => shadow)),
    difference: of(times.map(({ primary, shadow }) => shadow - primary)),
  };
}
