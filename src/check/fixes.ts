import type { Diagnostic } from '../base/index.ts';
import type { ModelRepository } from '../repository/index.ts';

export interface FixedFile {
  readonly file: string;
  readonly text: string;
  /** How many diagnostics it settles. */
  readonly fixes: number;
}

/** The new text of every file that the diagnostics' safe edits change; edits that overlap an earlier one are left for the next run. */
export function applyFixes(_repository: ModelRepository, _diagnostics: readonly Diagnostic[]): FixedFile[] {
  throw new Error('not yet');
}
