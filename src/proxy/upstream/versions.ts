import { ConchError } from '../../base/index.ts';

/** Shares of a model's versions, in proportion to each other. */
export type VersionWeights = Readonly<Record<string, number>>;

/** @throws USAGE for weights that choose nothing. */
export function checkWeights(weights: VersionWeights, what: string): void {
  const entries = Object.entries(weights);
  const wrong = entries.find(([version, weight]) => !/^\d{1,19}$/.test(version) || !(weight >= 0 && weight < 1e9));
  if (wrong) {
    throw new ConchError(
      'USAGE',
      `${what}: version '${wrong[0]}' with the weight ${wrong[1]}: expected numbers from 0`,
    );
  }
  if (!entries.some(([, weight]) => weight > 0))
    throw new ConchError('USAGE', `${what}: no version has a weight above 0`);
}

const golden = (Math.sqrt(5) - 1) / 2;

/**
 * Which version of a model an inference goes to that names none: by weights, so that a new version can take a part of
 * the traffic, or the one that is pinned while another is being tried. Models without either are left to the server,
 * which takes the newest.
 */
export class VersionRoutes {
  readonly #weights = new Map<string, VersionWeights>();
  readonly #pins = new Map<string, string>();
  #turn = 0;

  set(model: string, weights: VersionWeights): void {
    checkWeights(weights, `model '${model}'`);
    this.#weights.set(model, { ...weights });
  }

  clear(model: string): void {
    this.#weights.delete(model);
  }

  get(model: string): VersionWeights | undefined {
    return this.#weights.get(model);
  }

  /** Everything goes to this version, whatever the weights say. */
  pin(model: string, version: string): void {
    this.#pins.set(model, version);
  }

  unpin(model: string): void {
    this.#pins.delete(model);
  }

  pinned(model: string): string | undefined {
    return this.#pins.get(model);
  }

  /** Weights by model, in the order of the models' names. */
  list(): { model: string; weights: VersionWeights }[] {
    return [...this.#weights].sort(([a], [b]) => (a < b ? -1 : 1)).map(([model, weights]) => ({ model, weights }));
  }

  /** The version that has most of the traffic, which speaks for the model. */
  main(model: string): string | undefined {
    const pin = this.#pins.get(model);
    if (pin !== undefined) return pin;
    const weights = Object.entries(this.#weights.get(model) ?? {});
    return weights.sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  /**
   * The version for the next inference; undefined leaves it to the server. Shares come out exactly over time. Versions
   * that are not `ready` are passed over, as long as one is.
   */
  choose(model: string, ready: (version: string) => boolean): string | undefined {
    const pin = this.#pins.get(model);
    if (pin !== undefined) return pin;
    const weights = this.#weights.get(model);
    if (!weights) return undefined;
    const weighted = Object.entries(weights).filter(([, weight]) => weight > 0);
    const there = weighted.filter(([version]) => ready(version));
    const candidates = there.length > 0 ? there : weighted;
    const sum = candidates.reduce((total, [, weight]) => total + weight, 0);
    // Multiples of the golden ratio fall evenly into [0, 1), however it is cut.
    let point = ((++this.#turn * golden) % 1) * sum;
    for (const [version, weight] of candidates) {
      point -= weight;
      if (point < 0) return version;
    }
    return candidates.at(-1)![0];
  }
}
