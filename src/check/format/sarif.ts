import type { Diagnostic } from '../../base/index.ts';
import type { ModelRepository } from '../../repository/index.ts';

/** SARIF 2.1.0, for code scanning services. */
export function formatSarif(_diagnostics: readonly Diagnostic[], _repository: ModelRepository): string {
  throw new Error('not yet');
}
