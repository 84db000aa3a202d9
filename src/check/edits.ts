import { ConchError, type Fix } from '../base/index.ts';
import { type ConfigEdit, editConfig } from '../config/index.ts';
import type { ModelView } from './view.ts';

/** A fix that conch may apply by itself: the instruction, and the change of config.pbtxt that carries it out. */
export function configFix(model: ModelView, text: string, ...edits: readonly ConfigEdit[]): Fix {
  const before = model.entry.parsed?.text;
  if (before === undefined) return { text };
  try {
    const edit = smallestEdit(before, editConfig(before, edits));
    return edit === undefined ? { text } : { text, edits: [edit] };
  } catch (error) {
    // A text that the editor cannot change safely keeps its instruction.
    if (error instanceof ConchError) return { text };
    throw error;
  }
}

/** The one replacement that turns `before` into `after`. Offsets are UTF-16 units of `before`. */
export function smallestEdit(before: string, after: string): { start: number; end: number; text: string } | undefined {
  if (before === after) return undefined;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail++;
  }
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}
