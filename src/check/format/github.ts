import type { Diagnostic } from '../../base/index.ts';

/** Workflow commands that GitHub Actions shows beside the lines of a pull request. */
export function formatGithub(_diagnostics: readonly Diagnostic[]): string {
  throw new Error('not yet');
}
