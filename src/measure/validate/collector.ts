import { ConchError } from '../../base/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { softmax } from '../../text/index.ts';
import { Tally } from './accuracy.ts';
import { type Comparison, highest } from './compare.ts';
import { reportToJson } from './format.ts';
import type { Reference } from './reference.ts';
import type { Deviation, ValidationExample, ValidationFailure, ValidationReport } from './report.ts';

/** One line, asked and compared. */
export interface Outcome {
  readonly reference: Reference;
  readonly inputs: readonly Tensor[];
  readonly comparison: Comparison;
}

const listedFailures = 20;
const listedExamples = 6;
const examplesOfALabel = 2;
/** So that a row of the report's table stays within 80 columns. */
const excerptLength = 46;

/** Adds outcomes up into a report, in the order of the lines, keeping only what the report shows. */
export class Collector {
  readonly #file: string;
  readonly #failures: ValidationFailure[] = [];
  readonly #examples: ValidationExample[] = [];
  #count = 0;
  #missed = 0;
  #worst: Deviation | undefined;
  #errorSum = 0;
  #errorCount = 0;
  #compared = 0;
  #agreed = 0;
  #labels: readonly string[] | undefined;
  #labelsKnown = false;
  #unnamed = 0;
  #served: Tally | undefined;
  #reference: Tally | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  get count(): number {
    return this.#count;
  }

  get hasLabels(): boolean {
    return this.#labelsKnown;
  }

  /** The labels of the classes, or undefined where nobody tells them: then classes go by their index. */
  useLabels(labels: readonly string[] | undefined, classes: number): void {
    if (labels && labels.length !== classes) {
      throw new ConchError('USAGE', `labels: the model has ${classes} classes, got ${labels.length} labels`);
    }
    this.#labelsKnown = true;
    this.#labels = labels;
    const names = labels ?? Array.from({ length: classes }, (_, index) => `LABEL_${index}`);
    this.#served = new Tally(names);
    this.#reference = new Tally(names);
  }

  /** @throws FILE_INVALID when the line's label is none of the model's. */
  add({ reference, comparison }: Outcome): void {
    this.#count++;
    const { line } = reference;
    const reasons = [...comparison.reasons];
    const { worst, classes } = comparison;
    this.#errorSum += comparison.errorSum;
    this.#errorCount += comparison.errorCount;
    if (worst && (!this.#worst || worst.error > this.#worst.error)) this.#worst = worst;
    let predicted: number | undefined;
    if (classes) {
      const expected = highest(classes.expected);
      predicted = highest(classes.got);
      this.#compared++;
      if (predicted === expected) this.#agreed++;
      else reasons.push(`label: expected ${this.#nameOf(expected)}, got ${this.#nameOf(predicted)}`);
      this.#score(reference, expected, predicted);
    }
    const excerpt = excerptOf(reference);
    if (reasons.length > 0) {
      this.#missed++;
      if (this.#failures.length < listedFailures) {
        this.#failures.push({ line, excerpt, reason: reasons.join('; '), ...comparison.shown });
      }
    }
    this.#illustrate(line, excerpt, comparison, predicted);
  }

  /** @throws FILE_INVALID when no line was added: nothing compared is nothing proved. */
  report(
    facts: Pick<ValidationReport, 'model' | 'version' | 'server' | 'tolerance' | 'milliseconds'>,
  ): ValidationReport {
    if (this.#count === 0) {
      throw new ConchError('FILE_INVALID', `${this.#file} has no lines to compare`, { where: { file: this.#file } });
    }
    const served = this.#served?.result();
    const reference = this.#reference?.result();
    const notes =
      this.#unnamed === 0
        ? []
        : [
            `${this.#unnamed} lines name a label, but the server does not tell its labels: they are left out of accuracy`,
          ];
    const report: ValidationReport = {
      ...facts,
      expect: this.#file,
      count: this.#count,
      passed: this.#missed === 0,
      missed: this.#missed,
      worst: this.#worst,
      meanAbsoluteError: this.#errorCount === 0 ? 0 : this.#errorSum / this.#errorCount,
      labels: this.#compared === 0 ? undefined : { compared: this.#compared, agreed: this.#agreed },
      accuracy: served && reference ? { served, reference } : undefined,
      failures: this.#failures,
      examples: this.#examples,
      notes,
    };
    // So that JSON.stringify never turns an infinite error into null.
    Object.defineProperty(report, 'toJSON', { value: () => reportToJson(report) });
    return report;
  }

  #score(reference: Reference, expected: number, predicted: number): void {
    const { label, line } = reference;
    if (label === undefined) return;
    const known = this.#labels;
    if (typeof label === 'string' && !known) {
      this.#unnamed++;
      return;
    }
    const truth = typeof label === 'string' ? known!.indexOf(label) : label;
    if (truth < 0 || !this.#served!.has(truth)) {
      const names = this.#served!.labels.map((name) => `'${name}'`).join(', ');
      throw new ConchError('FILE_INVALID', `label: expected one of ${names}, got ${JSON.stringify(label)}`, {
        where: { file: this.#file, line, path: 'label' },
      });
    }
    this.#served!.add(truth, predicted);
    this.#reference!.add(truth, expected);
  }

  #nameOf(index: number): string {
    return index < 0 ? 'none (NaN)' : `'${this.#labels?.[index] ?? `LABEL_${index}`}'`;
  }

  #illustrate(line: number, excerpt: string, comparison: Comparison, predicted: number | undefined): void {
    if (this.#examples.length >= listedExamples) return;
    const error = comparison.worst?.error;
    if (predicted === undefined || predicted < 0) {
      if (this.#examples.length < listedExamples / 2)
        this.#examples.push({ line, excerpt, ...(error !== undefined && { error }) });
      return;
    }
    const label = this.#labels?.[predicted] ?? `LABEL_${predicted}`;
    if (this.#examples.filter((example) => example.label === label).length >= examplesOfALabel) return;
    const score = softmax(comparison.classes!.got)[predicted]!;
    this.#examples.push({ line, excerpt, label, score, ...(error !== undefined && { error }) });
  }
}

/** The start of a line's text or inputs on one line, without characters that would move a terminal's cursor. */
function excerptOf(reference: Reference): string {
  const text = reference.kind === 'text' ? reference.text : JSON.stringify(reference.inputs);
  const clean = text
    .slice(0, 4 * excerptLength)
    .replace(/[\s\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .toWellFormed();
  const characters = [...clean];
  const cut = characters.length > excerptLength || text.length > 4 * excerptLength;
  return cut
    ? `${characters
        .slice(0, excerptLength - 1)
        .join('')
        .trimEnd()}…`
    : clean;
}
