import type { Diagnostic } from '../../base/index.ts';
import type { Target } from '../../onnx/index.ts';
import type { ModelRepository } from '../../repository/index.ts';

/** The answer of `conch check --format json` (design.md 8) as a value. */
export function formatJson(
  _diagnostics: readonly Diagnostic[],
  _repository: ModelRepository,
  _target?: Target,
): string {
  throw new Error('not yet');
}
