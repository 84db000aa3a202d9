/** Where a served value departs from its reference. */
export interface Deviation {
  /** 1-based line of the reference file. */
  readonly line: number;
  readonly output: string;
  /** Row-major index of the element inside the output. */
  readonly index: number;
  readonly expected: number;
  readonly got: number;
  /** |expected - got|; Infinity where either is NaN or infinite. */
  readonly error: number;
}

export interface ValidationFailure {
  readonly line: number;
  /** The start of the text or of the inputs, to recognise the line by. */
  readonly excerpt: string;
  /** What is wrong, in one sentence. */
  readonly reason: string;
  readonly expected?: readonly number[];
  readonly got?: readonly number[];
}

/** A line as it went, for the table. */
export interface ValidationExample {
  readonly line: number;
  readonly excerpt: string;
  /** The served label and its probability, where the model has classes. */
  readonly label?: string;
  readonly score?: number;
  /** The largest absolute error of the line, where its values could be compared. */
  readonly error?: number;
}

export interface ClassScores {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Lines whose true label this is. */
  readonly support: number;
}

/** How well predictions fit the lines' true labels. */
export interface Accuracy {
  readonly lines: number;
  readonly accuracy: number;
  /** Mean of the classes' F1 over the classes that occur as a true or a predicted label (scikit-learn's `macro`). */
  readonly macroF1: number;
  readonly classes: readonly ClassScores[];
}

export interface ValidationReport {
  readonly model: string;
  readonly version: string;
  readonly server: string;
  /** The reference file. */
  readonly expect: string;
  /** Largest absolute error that passes. */
  readonly tolerance: number;
  /** Lines compared. */
  readonly count: number;
  /** Every value within the tolerance, every shape and every label as expected. */
  readonly passed: boolean;
  readonly missed: number;
  readonly worst: Deviation | undefined;
  /** Over all values that could be compared; 0 where none could. */
  readonly meanAbsoluteError: number;
  /** Lines whose highest logit is the reference's highest, of those that have logits. */
  readonly labels: { readonly compared: number; readonly agreed: number } | undefined;
  /** Against the lines' `label`, where they have one: the served model, and the reference itself. */
  readonly accuracy: { readonly served: Accuracy; readonly reference: Accuracy } | undefined;
  /** The first failures; `missed` counts all. */
  readonly failures: readonly ValidationFailure[];
  readonly examples: readonly ValidationExample[];
  /** What the reader should know beside the numbers. */
  readonly notes: readonly string[];
  readonly milliseconds: number;
}
