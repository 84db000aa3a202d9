import type { Diagnostic, Fix } from '../../base/index.ts';
import { Lines } from './lines.ts';

/** The rules by which a config.pbtxt is refused before its values are looked at (one only warns), with what each means. */
export const textRules = {
  'config/syntax': "The text is not protobuf's text format.",
  'config/encoding':
    'The file is not plain UTF-8, or holds characters that may not stand outside strings and comments.',
  'config/invalid-utf8': 'A string is not valid UTF-8; Triton loads the model and drops the bytes that are not.',
  'config/unknown-field': 'No such field exists in that message; Triton refuses the whole file.',
  'config/unknown-value': 'No such value exists in that enumeration.',
  'config/wrong-type': 'The value is of another type than the field.',
  'config/out-of-range': 'The number does not fit the type of the field.',
  'config/duplicate-field': 'A field that holds one value is given more than once.',
  'config/oneof-clash': 'Fields that exclude one another are given together.',
  'config/too-many-errors': 'The file has more errors than are listed.',
} as const;

export type TextRule = keyof typeof textRules;

type Edits = NonNullable<Fix['edits']>;

interface Finding {
  readonly rule: TextRule;
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly fix: Fix | undefined;
}

/** What is wrong with one text. Past `limit` nothing more is kept, so that a hostile file costs no memory. */
export class Findings {
  static readonly limit = 100;
  #found: Finding[] = [];
  #full = false;

  /** True once further findings would be dropped; then nobody needs to look for the nearest name. */
  get full(): boolean {
    return this.#full;
  }

  get size(): number {
    return this.#found.length;
  }

  report(rule: TextRule, start: number, end: number, message: string, fix?: string, edits?: Edits): void {
    if (this.#found.length < Findings.limit) {
      const found = fix === undefined ? undefined : edits === undefined ? { text: fix } : { text: fix, edits };
      this.#found.push({ rule, start, end, message, fix: found });
    } else this.#full = true;
  }

  /** Leaves one finding at the top of the text in place of all, which follow from it. */
  replace(rule: TextRule, message: string, fix: Fix): void {
    this.#found = [{ rule, start: 0, end: 0, message, fix }];
    this.#full = false;
  }

  /** In the order of the text. `pathAt` names the field that holds an offset. */
  diagnostics(text: string, file: string | undefined, pathAt: (offset: number) => string): Diagnostic[] {
    if (this.#found.length === 0) return [];
    const lines = new Lines(text);
    const found = this.#found.toSorted((a, b) => a.start - b.start);
    if (this.#full) {
      const message = `only the first ${Findings.limit} errors are listed`;
      found.push({ rule: 'config/too-many-errors', start: text.length, end: text.length, message, fix: undefined });
    }
    return found.map(({ rule, start, end, message, fix }) => {
      const { line, column } = lines.position(start, end);
      const path = pathAt(start);
      const where = { ...(file === undefined ? {} : { file }), line, column, ...(path === '' ? {} : { path }) };
      const severity = rule === 'config/invalid-utf8' ? 'warning' : 'error';
      return { code: rule, severity, message, where, ...(fix === undefined ? {} : { fix }) };
    });
  }
}
