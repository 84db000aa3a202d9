import { seededRandom } from '../bench/random.ts';
import { GaussianProcess, type Prediction } from './gaussian-process.ts';
import type { Point, Space } from './space.ts';

/** What a measurement says to the search. */
export interface Outcome {
  /** To be made as large as it goes: a logarithm, so that a step means a share. */
  readonly objective: number;
  /** Each at most 0 where its bound is kept: the logarithm of the value over the bound. */
  readonly constraints: readonly number[];
  /** It could not be measured: it did not load, or memory ran out. */
  readonly failed?: boolean;
}

export interface SearchOptions {
  /** Measurements at most. */
  readonly budget: number;
  readonly seed: number;
}

interface Told {
  readonly point: Point;
  readonly outcome: Outcome;
  readonly count: number;
}

/** Candidates that are weighed in one step; spaces beyond it are sampled. */
const mostCandidates = 4000;
/** Below this gain (a share) nothing more is looked for. */
const leastGain = 0.002;

/**
 * Chooses what to measure next: first points spread over the space, then those with the highest expected improvement
 * under the bounds, by Gaussian processes over what was measured (Jones, Schonlau and Welch 1998; Gardner and others
 * 2014 for the bounds). Ask and tell in turn; the same seed and the same outcomes give the same points.
 */
export class Search {
  readonly #space: Space;
  readonly #options: SearchOptions;
  readonly #random: () => number;
  readonly #candidates: readonly Point[];
  readonly #told = new Map<string, Told>();
  readonly #spread: number;
  /** What is believed of the objective after what was told last; made when it is asked for. */
  #objective: GaussianProcess | undefined;
  #idle = 0;
  #count = 0;

  constructor(space: Space, options: SearchOptions) {
    this.#space = space;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#candidates = space.size <= 10 * mostCandidates ? space.all() : this.#sampled();
    const wanted = 2 + space.dimensions.length;
    this.#spread = Math.max(2, Math.min(wanted, Math.ceil(0.4 * options.budget)));
  }

  /** The next point, or undefined when the budget is spent, all is measured, or nothing better is to be expected. */
  ask(): Point | undefined {
    if (this.#count >= this.#options.budget) return undefined;
    const open = this.#candidates.filter((point) => !this.#told.has(point.join()));
    if (open.length === 0) return undefined;
    if (this.#told.size === 0) return this.#space.present;
    if (this.#told.size < this.#spread) return this.#different(open);
    // Next to the best so far while that promises something, then anywhere.
    const gainOf = this.#gains();
    if (!gainOf) return this.#different(open);
    const near = this.#nearBest(open);
    const next = near.length > 0 ? mostPromising(near, gainOf) : undefined;
    const { point, gain } = next && next.gain >= leastGain ? next : mostPromising(open, gainOf);
    this.#idle = gain < leastGain ? this.#idle + 1 : 0;
    return this.#idle > 3 ? undefined : point;
  }

  /** What was measured, or is known of before: the mean of `count` measurements of the point. */
  tell(point: Point, outcome: Outcome, count = 1): void {
    const one = this.#space.canonical(point);
    this.#count += 1;
    this.#told.set(one.join(), { point: one, outcome, count });
    this.#objective = undefined;
  }

  /**
   * The measured point that another measurement says most of: the one that may be the best of all, by what is believed
   * of it and how little that is sure. Undefined where none keeps its bounds.
   */
  again(): Point | undefined {
    const believe = this.believe();
    const hope = ({ point }: Told) => {
      const { mean = 0, deviation = 0 } = believe?.(point) ?? {};
      return mean + deviation;
    };
    const [first, ...others] = this.#kept();
    return first && others.reduce((best, one) => (hope(one) > hope(best) ? one : best), first).point;
  }

  /** The measured points that keep their bounds, the best first by what is believed of them, which is their `worth`. */
  ranked(): { readonly point: Point; readonly worth: number }[] {
    const believe = this.believe();
    return this.#kept()
      .map(({ point, outcome }) => ({ point, worth: believe?.(point).mean ?? outcome.objective }))
      .sort((one, other) => other.worth - one.worth);
  }

  /** The best measured points that keep their bounds; where none does, those that miss them least. */
  best(count: number): Point[] {
    const missed = ({ outcome }: Told) =>
      outcome.failed ? Number.POSITIVE_INFINITY : outcome.constraints.reduce((sum, one) => sum + Math.max(0, one), 0);
    return this.#good()
      .sort((a, b) => missed(a) - missed(b) || b.outcome.objective - a.outcome.objective)
      .slice(0, count)
      .map(({ point }) => point);
  }

  /** What the search believes of points: the objective, in its logarithm. Undefined before two were measured. */
  believe(): ((point: Point) => Prediction) | undefined {
    const good = this.#good();
    if (good.length < 2) return undefined;
    this.#objective ??= this.#model(good, ({ objective }) => objective);
    const model = this.#objective;
    return (point) => model.predict(this.#features(point));
  }

  #good(): Told[] {
    return [...this.#told.values()].filter(({ outcome }) => !outcome.failed);
  }

  #kept(): Told[] {
    return this.#good().filter(({ outcome }) => outcome.constraints.every((one) => one <= 0));
  }

  /** Those that differ from the best measured point in one setting. */
  #nearBest(open: readonly Point[]): Point[] {
    const [best] = this.best(1);
    return best ? open.filter((point) => point.filter((index, at) => index !== best[at]).length === 1) : [];
  }

  /** What each point is expected to gain over the best that keeps its bounds; undefined before two were measured. */
  #gains(): ((point: Point) => number) | undefined {
    const believe = this.believe();
    if (!believe) return undefined;
    const good = this.#good();
    const bounds = good[0]!.outcome.constraints.map((_, at) =>
      this.#model(good, ({ constraints }) => constraints[at]!),
    );
    const told = [...this.#told.values()];
    const failing = told.length > good.length ? this.#model(told, ({ failed }) => (failed ? 1 : -1)) : undefined;
    // As it is believed to be: the highest of noisy measurements is the luckiest, and nothing would seem better.
    const incumbent = this.ranked()[0]?.worth;
    return (point) => {
      const features = this.#features(point);
      const likely = [...bounds, ...(failing ? [failing] : [])].reduce((product, model) => {
        const { mean, deviation } = model.predict(features);
        return product * cumulative(-mean / deviation);
      }, 1);
      // While no point keeps its bounds, to find one is all that counts.
      return incumbent === undefined ? likely : likely * improvement(believe(point), incumbent);
    };
  }

  #model(told: readonly Told[], pick: (outcome: Outcome) => number): GaussianProcess {
    const distance = (one: readonly number[], other: readonly number[], at: number) => {
      const gap = Math.abs(one[at]! - other[at]!);
      return this.#space.dimensions[at]!.categorical && gap > 0 ? 1 : gap;
    };
    return new GaussianProcess(
      told.map(({ point }) => this.#features(point)),
      told.map(({ outcome }) => pick(outcome)),
      distance,
      told.map(({ count }) => count),
    );
  }

  /** Places within their lists, 0 to 1. */
  #features(point: Point): number[] {
    return point.map((index, at) => index / Math.max(1, this.#space.dimensions[at]!.values.length - 1));
  }

  /**
   * Of some dozens of points the one with the most values that were not tried yet, and of those the farthest from all
   * that was measured: corners alone would say nothing of what lies between.
   */
  #different(open: readonly Point[]): Point {
    const told = [...this.#told.values()].map(({ point }) => point);
    const near = told.map((point) => this.#features(point));
    let best = open[0]!;
    let most = -1;
    for (let draw = 0; draw < Math.min(128, open.length); draw++) {
      const point = open[Math.floor(this.#random() * open.length)]!;
      const features = this.#features(point);
      const unseen = point.filter((index, at) => told.every((other) => other[at] !== index)).length;
      const squares = near.map((other) => other.reduce((sum, value, at) => sum + (value - features[at]!) ** 2, 0));
      const worth = unseen + Math.min(...squares) / (features.length + 1);
      if (worth > most) [best, most] = [point, worth];
    }
    return best;
  }

  #sampled(): Point[] {
    const found = new Map<string, Point>();
    const present = this.#space.present;
    found.set(present.join(), present);
    for (let draw = 0; draw < mostCandidates; draw++) {
      const point = this.#space.canonical(
        this.#space.dimensions.map(({ values }) => Math.floor(this.#random() * values.length)),
      );
      found.set(point.join(), point);
    }
    return [...found.values()];
  }
}

function mostPromising(open: readonly Point[], gainOf: (point: Point) => number): { point: Point; gain: number } {
  let best = { point: open[0]!, gain: Number.NEGATIVE_INFINITY };
  for (const point of open) {
    const gain = gainOf(point);
    if (gain > best.gain) best = { point, gain };
  }
  return best;
}

/** How much a point is expected to be above `best`. */
function improvement({ mean, deviation }: { mean: number; deviation: number }, best: number): number {
  const z = (mean - best) / deviation;
  return (mean - best) * cumulative(z) + (deviation * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}

/** The normal distribution's share below `z` (Abramowitz and Stegun 26.2.17, to 7.5e-8). */
function cumulative(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}
