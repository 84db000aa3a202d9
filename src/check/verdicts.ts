import type { Diagnostic } from '../base/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import { rules } from './rules/index.ts';

/** What becomes of one model. */
export interface Verdict {
  /** Whether Triton would load it. A model may load and have errors: those that show at the first request. */
  readonly verdict: 'loads' | 'refused';
  readonly errors: number;
  readonly warnings: number;
}

const shownAtRequest = new Set(rules.flatMap((rule) => (rule.stage === 'request' ? [rule.code] : [])));

/** Whether a finding means that its model is not loaded. Findings of the parser and the reader always do when errors. */
export function refuses(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error' && !shownAtRequest.has(diagnostic.code);
}

/** A verdict for every model of the repository, by name. */
export function verdicts(repository: ModelRepository, diagnostics: readonly Diagnostic[]): Record<string, Verdict> {
  const byModel = new Map<string, Diagnostic[]>(repository.models.map((entry) => [entry.name, []]));
  for (const diagnostic of diagnostics) byModel.get(diagnostic.model ?? '')?.push(diagnostic);
  return Object.fromEntries(
    [...byModel].map(([name, own]) => [
      name,
      {
        verdict: own.some(refuses) ? 'refused' : 'loads',
        errors: own.filter((one) => one.severity === 'error').length,
        warnings: own.filter((one) => one.severity === 'warning').length,
      },
    ]),
  );
}
