import type { Where } from './errors.ts';

export type Severity = 'error' | 'warning' | 'info';

/** One finding about a repository or a configuration. */
export interface Diagnostic {
  /** The rule's id, e.g. `batch/preferred-above-max`. */
  readonly code: string;
  readonly severity: Severity;
  /** One line, with the values that clash. */
  readonly message: string;
  /** The model concerned, where there is one. */
  readonly model?: string;
  readonly where: Where;
  readonly fix?: Fix;
}

export interface Fix {
  /** The instruction, e.g. "set max_batch_size to 8 or remove 16 from preferred_batch_size". */
  readonly text: string;
  /** Replacements in the file of `where`, when the fix can be applied without a decision. Offsets are UTF-16 units. */
  readonly edits?: readonly { readonly start: number; readonly end: number; readonly text: string }[];
}
