import type { Diagnostic } from '../../base/index.ts';
import { defaultTarget, type Target } from '../../onnx/index.ts';
import type { ModelRepository } from '../../repository/index.ts';
import { verdicts } from '../verdicts.ts';

/**
 * The answer of `conch check --format json` (design.md 8): `{repository, target, models, diagnostics}`. Every
 * diagnostic has all keys; what does not apply is null. `fix` is the instruction. No line break at the end.
 */
export function formatJson(
  diagnostics: readonly Diagnostic[],
  repository: ModelRepository,
  target: Target = defaultTarget,
): string {
  const answer = {
    repository: repository.root,
    target: target.name,
    models: verdicts(repository, diagnostics),
    diagnostics: diagnostics.map(({ code, severity, message, model, where, fix }) => ({
      code,
      severity,
      message,
      model: model ?? null,
      file: where.file ?? null,
      line: where.line ?? null,
      column: where.column ?? null,
      path: where.path ?? null,
      fix: fix?.text ?? null,
    })),
  };
  return JSON.stringify(answer, null, 2);
}
