import type { Diagnostic } from '../../base/index.ts';
import type { ModelRepository } from '../../repository/index.ts';

type Paint = (text: string) => string;

/** The colours used; picocolors' own object fits. */
export interface Palette {
  readonly red: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  readonly green: Paint;
  readonly dim: Paint;
  readonly bold: Paint;
}

const plain: Paint = (text) => text;
export const plainPalette: Palette = { red: plain, yellow: plain, cyan: plain, green: plain, dim: plain, bold: plain };

/** For people: place, message, the offending line with a caret, the fix, and a summary line at the end. */
export function formatText(
  _diagnostics: readonly Diagnostic[],
  _repository: ModelRepository,
  _palette: Palette = plainPalette,
): string {
  throw new Error('not yet');
}
