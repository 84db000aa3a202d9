import { join } from 'node:path';
import type { IgnoredFolder } from '../../../repository/index.ts';
import type { ModelRule } from '../../rule.ts';
import type { ModelView } from '../../view.ts';

export const versionIgnored: ModelRule = {
  code: 'repository/version-ignored',
  severity: 'warning',
  summary: 'Folders in a model folder are versions in plain decimal, or `warmup`, `initial_state`, `configs`.',
  why: 'Triton skips folders that do not start with a digit (`v1`) or start with a zero (`007`). A name that only begins with a number (`1abc`) counts as that version, whose folder is then not found, and the load fails; a number beyond 64 bits aborts the server.',
  fix: 'Rename the folder to a plain decimal number, or move it out of the model folder.',
  *check(model) {
    for (const folder of model.entry.ignoredFolders) {
      if (folder.kind === 'reserved' || folder.kind === 'outside') continue;
      const fatal = isFatal(folder, model);
      // A model without any version says so by itself, with these reasons.
      if (model.entry.versions.length === 0 && folder.kind !== 'out-of-range') continue;
      if (folder.kind === 'not-a-number' && holdsLabels(folder.name, model)) continue;
      yield {
        file: join(model.entry.dir, folder.name),
        message: folder.reason,
        ...(fatal ? { severity: 'error' } : {}),
      };
    }
  },
};

/** Whether the phantom version that the name stands for gets selected: it is new, and the policy takes it. */
function isFatal({ kind, name }: IgnoredFolder, model: ModelView): boolean {
  if (kind === 'out-of-range') return true;
  if (kind !== 'numeric-prefix') return false;
  const phantom = Number.parseInt(name, 10);
  const there = model.entry.versions.map((one) => one.version);
  return !there.includes(phantom) && model.selects([...there, phantom]).includes(phantom);
}

function holdsLabels(folder: string, model: ModelView): boolean {
  return (model.written.output ?? []).some((output) => output.label_filename?.startsWith(`${folder}/`));
}
