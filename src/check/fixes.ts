import type { Diagnostic, Fix } from '../base/index.ts';
import type { ModelRepository } from '../repository/index.ts';

export interface FixedFile {
  readonly file: string;
  /** The new content; `encodeText` gives its bytes, those that were no UTF-8 among them. */
  readonly text: string;
  /** How many diagnostics it settles. */
  readonly fixes: number;
}

/**
 * The new text of every config.pbtxt that safe fixes change. Edits that overlap one already taken are left: checking
 * the new text offers them again. Nothing is written.
 */
export function applyFixes(repository: ModelRepository, diagnostics: readonly Diagnostic[]): FixedFile[] {
  return repository.models.flatMap(({ parsed, configFile }) => {
    if (parsed === undefined || configFile === undefined) return [];
    const own = diagnostics.filter((one) => one.where.file === configFile && (one.fix?.edits?.length ?? 0) > 0);
    const taken: Edit[] = [];
    let fixes = 0;
    for (const { fix } of own) {
      const edits = fix!.edits!;
      if (edits.some((edit) => taken.some((other) => overlap(edit, other)))) continue;
      taken.push(...edits);
      fixes++;
    }
    return fixes === 0 ? [] : [{ file: configFile, text: apply(parsed.text, taken), fixes }];
  });
}

type Edit = NonNullable<Fix['edits']>[number];

/** Insertions at the same place overlap too: their order would be arbitrary. */
function overlap(a: Edit, b: Edit): boolean {
  return (a.start < b.end && b.start < a.end) || a.start === b.start;
}

function apply(text: string, edits: readonly Edit[]): string {
  const backwards = edits.toSorted((a, b) => b.start - a.start);
  return backwards.reduce((out, edit) => out.slice(0, edit.start) + edit.text + out.slice(edit.end), text);
}
