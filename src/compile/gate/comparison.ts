/** Sums up how far rows of numbers depart from what they should be. */
export class Comparison {
  rows = 0;
  /** Largest absolute difference of an element; infinite where one is not a number and the other is. */
  worst = 0;
  /** Rows whose largest element is where it should be. */
  agreeing = 0;
  #leastCosine = 1;
  #cosines = 0;
  #directed = 0;
  readonly #single: [expected: number, actual: number][] = [];

  /** Least cosine of a row; of rows of a single number, which have no direction, their correlation. */
  get cosine(): number {
    return this.#single.length > 1 ? Math.min(this.#leastCosine, correlation(this.#single)) : this.#leastCosine;
  }

  add(expected: readonly Float64Array[], actual: readonly Float64Array[]): void {
    if (expected.length !== actual.length) {
      this.worst = Number.POSITIVE_INFINITY;
      return;
    }
    for (const [index, row] of expected.entries()) this.#row(row, actual[index]!);
  }

  /** Mean cosine of the rows, or the same correlation. */
  get meanCosine(): number {
    return this.#directed > 0 ? this.#cosines / this.#directed : this.cosine;
  }

  #row(expected: Float64Array, actual: Float64Array): void {
    this.rows++;
    let [product, ownSquare, otherSquare] = [0, 0, 0];
    for (let index = 0; index < expected.length; index++) {
      const [wanted, is] = [expected[index]!, actual[index] ?? Number.NaN];
      const error = Object.is(wanted, is) || wanted === is ? 0 : Math.abs(wanted - is);
      this.worst = Math.max(this.worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
      product += wanted * is;
      ownSquare += wanted * wanted;
      otherSquare += is * is;
    }
    if (expected.length === 1) {
      this.#single.push([expected[0]!, actual[0] ?? Number.NaN]);
      return;
    }
    const norm = Math.sqrt(ownSquare * otherSquare);
    // Two rows of zeros are alike; a row of zeros and another are not.
    const cosine = norm > 0 ? product / norm : ownSquare === otherSquare ? 1 : 0;
    const known = Number.isNaN(norm) ? -1 : cosine;
    this.#leastCosine = Math.min(this.#leastCosine, known);
    this.#cosines += known;
    this.#directed++;
    if (indexOfLargest(expected) === indexOfLargest(actual)) this.agreeing++;
  }
}

/** Pearson's; 1 for numbers that are all the same on both sides. */
function correlation(pairs: readonly (readonly [number, number])[]): number {
  const mean = (side: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  const [left, right] = [mean(0), mean(1)];
  let [product, leftSquare, rightSquare] = [0, 0, 0];
  for (const [a, b] of pairs) {
    product += (a - left) * (b - right);
    leftSquare += (a - left) ** 2;
    rightSquare += (b - right) ** 2;
  }
  const norm = Math.sqrt(leftSquare * rightSquare);
  const value = norm > 0 ? product / norm : leftSquare === rightSquare ? 1 : 0;
  return Number.isNaN(value) ? -1 : value;
}

export function indexOfLargest(row: Float64Array): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) if (row[index]! > row[best]!) best = index;
  return best;
}

/** The mean over classes that occur of F1 = 2 hits / (true + predicted), in points of 100. */
export function macroF1(truth: readonly number[], predicted: readonly number[]): number {
  const classes = [...new Set([...truth, ...predicted])];
  const scores = classes.map((label) => {
    const hits = truth.filter((value, index) => value === label && predicted[index] === label).length;
    const told = truth.filter((value) => value === label).length + predicted.filter((value) => value === label).length;
    return (2 * hits) / told;
  });
  return (100 * scores.reduce((sum, score) => sum + score, 0)) / classes.length;
}
