import type { Diagnostic } from '../base/index.ts';
import type { ModelRepository } from '../repository/index.ts';

export interface Verdict {
  /** Whether Triton would load the model. */
  readonly verdict: 'loads' | 'refused';
  readonly errors: number;
  readonly warnings: number;
}

/** A verdict for every model of the repository, by name. */
export function verdicts(_repository: ModelRepository, _diagnostics: readonly Diagnostic[]): Record<string, Verdict> {
  throw new Error('not yet');
}
