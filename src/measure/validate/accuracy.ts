import type { Accuracy } from './report.ts';

/** Counts predictions against true classes; both are indices into the labels, -1 for a prediction that is none. */
export class Tally {
  readonly labels: readonly string[];
  readonly #truth: number[];
  readonly #predicted: number[];
  readonly #hits: number[];
  #lines = 0;

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#truth = labels.map(() => 0);
    this.#predicted = labels.map(() => 0);
    this.#hits = labels.map(() => 0);
  }

  has(index: number): boolean {
    return index in this.labels;
  }

  add(truth: number, predicted: number): void {
    this.#lines++;
    this.#truth[truth]!++;
    if (predicted >= 0) this.#predicted[predicted]!++;
    if (truth === predicted) this.#hits[truth]!++;
  }

  /**
   * Accuracy, and per class precision = hits / predicted, recall = hits / true, F1 = 2 hits / (true + predicted); a
   * class that was never predicted has precision 0. Macro F1 is the mean over the classes that occur, as scikit-learn's
   * `f1_score(average="macro")` has it. Undefined when nothing was added.
   */
  result(): Accuracy | undefined {
    if (this.#lines === 0) return undefined;
    const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
    const classes = this.labels
      .map((label, index) => {
        const [hits, truth, predicted] = [this.#hits[index]!, this.#truth[index]!, this.#predicted[index]!];
        return {
          label,
          precision: ratio(hits, predicted),
          recall: ratio(hits, truth),
          f1: ratio(2 * hits, truth + predicted),
          support: truth,
          occurs: truth + predicted > 0,
        };
      })
      .filter(({ occurs }) => occurs)
      .map(({ occurs: _, ...scores }) => scores);
    const hits = this.#hits.reduce((sum, count) => sum + count, 0);
    const macroF1 = classes.reduce((sum, { f1 }) => sum + f1, 0) / classes.length;
    return { lines: this.#lines, accuracy: hits / this.#lines, macroF1, classes };
  }
}
