/** Mean and deviation of what a point is expected to give. */
export interface Prediction {
  readonly mean: number;
  readonly deviation: number;
}

export type Distance = (one: readonly number[], other: readonly number[], at: number) => number;

const lengthScales = [0.2, 0.5, 1, 2];
/** Of the variance of what was measured. */
const usualNoise = 0.15;
const noises = [1e-3, 1e-2, 5e-2, 0.15, 0.4];
/** How much of the variance is a sum over dimensions; the rest is of all of them together. */
const sums = [0.3, 0.6, 0.8];
/** Values (logarithms) closer together than this are taken to differ by chance. */
const leastScale = 0.02;
const sweeps = 2;

/**
 * How much less is thought of settings before anything is measured, in units of the likelihood's logarithm: a dozen
 * noisy values are explained well by much, and what is usual is to win then.
 */
function surprise({ lengths, noise }: Settings): number {
  const far = lengths.reduce((sum, length) => sum + Math.log(length) ** 2, 0);
  return 0.25 * far + 0.1 * Math.log(noise / usualNoise) ** 2;
}

interface Settings {
  readonly lengths: readonly number[];
  readonly noise: number;
  readonly sum: number;
}

/**
 * A Gaussian process whose kernel is a sum of Matern 5/2 kernels of each dimension and, with less weight, their product
 * (Duvenaud and others 2011): settings mostly do their part each by itself, so that a dozen measurements say something of
 * hundreds of configurations. Length scales, noise and weights are those under which what was measured is likeliest,
 * with some weight on usual ones (Rasmussen and Williams, chapter 5). Made for some dozens of points.
 */
export class GaussianProcess {
  readonly #points: readonly (readonly number[])[];
  readonly #counts: readonly number[] | undefined;
  readonly #distance: Distance;
  readonly #mean: number;
  readonly #scale: number;
  readonly #settings: Settings;
  readonly #factor: Float64Array[];
  readonly #weights: Float64Array;

  /**
   * `distance` is that of two points in one dimension, 0 to 1; `counts` says of how many measurements each value is the
   * mean.
   */
  constructor(
    points: readonly (readonly number[])[],
    values: readonly number[],
    distance: Distance,
    counts?: readonly number[],
  ) {
    this.#points = points;
    this.#counts = counts;
    this.#distance = distance;
    this.#mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - this.#mean) ** 2, 0) / values.length;
    this.#scale = Math.max(Math.sqrt(variance), leastScale);
    const scaled = values.map((value) => (value - this.#mean) / this.#scale);
    const fitted = (settings: Settings) => {
      const solution = solve(this.#covariance(settings), scaled);
      return { ...solution, likelihood: solution.likelihood - surprise(settings) };
    };
    let settings: Settings = { lengths: (points[0] ?? []).map(() => 0.7), noise: 1e-2, sum: 0.6 };
    let best = fitted(settings);
    const consider = (changed: Partial<Settings>) => {
      const other = { ...settings, ...changed };
      const solution = fitted(other);
      if (solution.likelihood > best.likelihood) [best, settings] = [solution, other];
    };
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (let at = 0; at < settings.lengths.length; at++) {
        for (const length of lengthScales) consider({ lengths: settings.lengths.with(at, length) });
      }
      for (const noise of noises) consider({ noise });
      for (const sum of sums) consider({ sum });
    }
    this.#settings = settings;
    this.#factor = best.factor;
    this.#weights = best.weights;
  }

  predict(point: readonly number[]): Prediction {
    const near = Float64Array.from(this.#points, (other) => this.#kernel(point, other, this.#settings));
    let mean = 0;
    for (let at = 0; at < near.length; at++) mean += near[at]! * this.#weights[at]!;
    const along = forward(this.#factor, near);
    const explained = along.reduce((sum, value) => sum + value * value, 0);
    return {
      mean: this.#mean + this.#scale * mean,
      deviation: this.#scale * Math.sqrt(Math.max(1e-9, 1 - explained)),
    };
  }

  #covariance(settings: Settings): Float64Array[] {
    return this.#points.map((one, row) =>
      Float64Array.from(
        this.#points,
        (other, column) =>
          this.#kernel(one, other, settings) + (row === column ? settings.noise / (this.#counts?.[row] ?? 1) : 0),
      ),
    );
  }

  #kernel(one: readonly number[], other: readonly number[], { lengths, sum }: Settings): number {
    let total = 0;
    let square = 0;
    for (let at = 0; at < one.length; at++) {
      const gap = this.#distance(one, other, at) / lengths[at]!;
      total += matern(gap);
      square += gap * gap;
    }
    return (sum * total) / one.length + (1 - sum) * matern(Math.sqrt(square));
  }
}

function matern(gap: number): number {
  const far = Math.sqrt(5) * gap;
  return (1 + far + (far * far) / 3) * Math.exp(-far);
}

interface Solution {
  readonly factor: Float64Array[];
  readonly weights: Float64Array;
  readonly likelihood: number;
}

function solve(matrix: Float64Array[], values: readonly number[]): Solution {
  const factor = cholesky(matrix);
  const along = forward(factor, Float64Array.from(values));
  const weights = backward(factor, along);
  let likelihood = 0;
  for (let at = 0; at < values.length; at++) likelihood -= 0.5 * along[at]! ** 2 + Math.log(factor[at]![at]!);
  return { factor, weights, likelihood };
}

/** The lower triangle L of a symmetric positive matrix L Lᵀ. */
function cholesky(matrix: Float64Array[]): Float64Array[] {
  const factor = matrix.map((row) => new Float64Array(row.length));
  for (let row = 0; row < matrix.length; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row]![column]!;
      for (let at = 0; at < column; at++) sum -= factor[row]![at]! * factor[column]![at]!;
      factor[row]![column] = row === column ? Math.sqrt(Math.max(sum, 1e-10)) : sum / factor[column]![column]!;
    }
  }
  return factor;
}

function forward(factor: readonly Float64Array[], values: Float64Array): Float64Array {
  const result = new Float64Array(values.length);
  for (let row = 0; row < values.length; row++) {
    let sum = values[row]!;
    for (let at = 0; at < row; at++) sum -= factor[row]![at]! * result[at]!;
    result[row] = sum / factor[row]![row]!;
  }
  return result;
}

function backward(factor: readonly Float64Array[], values: Float64Array): Float64Array {
  const result = new Float64Array(values.length);
  for (let row = values.length - 1; row >= 0; row--) {
    let sum = values[row]!;
    for (let at = row + 1; at < values.length; at++) sum -= factor[at]![row]! * result[at]!;
    result[row] = sum / factor[row]![row]!;
  }
  return result;
}
