import type { Diagnostic } from '../base/index.ts';
import type { ModelRepository } from '../repository/index.ts';

/**
 * What the reader of the repository found about its layout, with every finding given to its model. Label files that
 * cannot be read are left to the rule `labels/file`, which also knows the line that names them.
 */
export function layoutFindings(repository: ModelRepository): Diagnostic[] {
  const byFolder = new Map(repository.models.map((entry) => [entry.dir, entry.name]));
  return repository.diagnostics
    .filter((one) => !isLabelFault(one))
    .map((diagnostic) => {
      const model = diagnostic.model ?? byFolder.get(diagnostic.where.file ?? '');
      return model === undefined ? diagnostic : { ...diagnostic, model };
    });
}

export function isLabelFault(diagnostic: Diagnostic): boolean {
  return diagnostic.code === 'repository/labels' && diagnostic.severity === 'error';
}
