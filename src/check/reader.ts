import { dirname, join } from 'node:path';
import type { Diagnostic } from '../base/index.ts';
import type { ModelEntry, ModelRepository } from '../repository/index.ts';

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

/**
 * Whether something in a model's folder is there and cannot be read, so that nothing can be said about what it holds.
 * Without a path: the folder itself, or its configuration.
 */
export function isUnreadable({ dir, diagnostics }: ModelEntry, path?: string): boolean {
  return diagnostics.some(({ code, where: { file = '' } }) => {
    if (!['repository/unreadable', 'repository/not-a-file', 'repository/too-large'].includes(code)) return false;
    return path === undefined ? file === dir || isConfig(file, dir) : file === path;
  });
}

function isConfig(file: string, dir: string): boolean {
  return file === join(dir, 'config.pbtxt') || (dirname(file) === join(dir, 'configs') && file.endsWith('.pbtxt'));
}

export function isLabelFault(diagnostic: Diagnostic): boolean {
  return diagnostic.code === 'repository/labels' && diagnostic.severity === 'error';
}
