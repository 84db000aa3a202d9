import { ConchError, type Diagnostic } from '../../base/index.ts';
import { type Message, modelConfig } from '../schema/view.ts';
import { Findings } from '../text/findings.ts';
import { type Comments, type LaidField, type LaidItem, type LaidValue, layOut } from '../text/layout.ts';
import { readTree } from '../text/read.ts';
import { decodeLiterals, quoteString } from '../text/strings.ts';
import type { FieldNode, ScalarNode, Tree, ValueNode } from '../text/tree.ts';

/**
 * A config.pbtxt in canonical layout, with its comments, its order of fields and single empty lines between them. The
 * configuration stays the same; formatting twice changes nothing. Numbers stay as they are written.
 *
 * @throws CONFIG_INVALID with the place of the first syntax error. Unknown fields and wrong values are left as they are.
 */
export function formatConfig(text: string, file?: string): string {
  const tree = readWellFormed(text, file);
  const formatter = new Formatter(text, tree);
  const { fields, inside } = formatter.fields(tree.fields, modelConfig, 0, text.length);
  return layOut(fields, inside.first === undefined ? inside.last : [inside.first, ...inside.last]);
}

/** The tree of a text without syntax errors. @throws CONFIG_INVALID otherwise */
export function readWellFormed(text: string, file?: string): Tree {
  const findings = new Findings();
  const tree = readTree(text, findings);
  const [first] = findings.diagnostics(text, file, () => '');
  if (first !== undefined) throw errorOf(first);
  return tree;
}

/** A diagnostic as the error that stops an operation. */
export function errorOf({ message, where, fix }: Diagnostic): ConchError {
  return new ConchError('CONFIG_INVALID', message, { where, ...(fix === undefined ? {} : { fix: fix.text }) });
}

interface Trivia {
  /** A comment on the line where the thing before ends. */
  readonly behind: string | undefined;
  /** Comments on lines of their own; '' is an empty line. */
  readonly above: string[];
}

class Formatter {
  readonly #text: string;
  readonly #comments: readonly number[];
  /** Index of the next comment that has found no place yet. */
  #next = 0;

  constructor(text: string, tree: Tree) {
    this.#text = text;
    this.#comments = tree.comments;
  }

  /** Fields between two offsets, each with the comments that belong to it. */
  fields(
    nodes: readonly FieldNode[],
    message: Message | undefined,
    from: number,
    to: number,
  ): { fields: LaidField[]; inside: Comments } {
    const fields: LaidField[] = [];
    const inside = this.#between(nodes, from, to, (node, above) => {
      const value = this.#value(node, node.value!, message);
      // A comment between the name and the value has no line of its own in the result.
      const hoisted = this.#upTo(node.end);
      return (behind) => fields.push({ name: node.name, value, above: [...above, ...hoisted], behind });
    });
    return { fields, inside };
  }

  /** Walks things and the comments around them; `visit` reads one and returns what takes the comment behind it. */
  #between<T extends { readonly start: number; readonly end: number }>(
    things: readonly T[],
    from: number,
    to: number,
    visit: (thing: T, above: string[]) => (behind: string | undefined) => void,
  ): Comments {
    let before = from;
    let first: string | undefined;
    let place: (behind: string | undefined) => void = (behind) => {
      first = behind;
    };
    for (const thing of things) {
      const { behind, above } = this.#trivia(before, thing.start, thing === things[0]);
      place(behind);
      place = visit(thing, above);
      before = thing.end;
    }
    const { behind, above } = this.#trivia(before, to, things.length === 0);
    place(behind);
    return { first, last: above };
  }

  #trivia(from: number, to: number, isFirst: boolean): Trivia {
    let behind: string | undefined;
    const above: string[] = [];
    let before = from;
    for (; this.#comments[this.#next]! < to; this.#next += 2) {
      const start = this.#comments[this.#next]!;
      const comment = this.#comment();
      if (before === from && from > 0 && !this.#text.slice(from, start).includes('\n')) behind = comment;
      else {
        if (this.#hasEmptyLine(before, start) && !(isFirst && above.length === 0)) above.push('');
        above.push(comment);
      }
      before = this.#comments[this.#next + 1]!;
    }
    const isEnd = this.#isEnd(to);
    if (!isEnd && this.#hasEmptyLine(before, to) && !(isFirst && above.length === 0)) above.push('');
    return { behind, above };
  }

  /** Whether only a closing bracket or nothing follows, before which an empty line is dropped. */
  #isEnd(offset: number): boolean {
    return offset >= this.#text.length || /[\]}>]/.test(this.#text[offset]!);
  }

  #hasEmptyLine(from: number, to: number): boolean {
    return /\n[ \t\r\v\f]*\n/.test(this.#text.slice(from, to));
  }

  #comment(): string {
    return this.#text.slice(this.#comments[this.#next]!, this.#comments[this.#next + 1]!).trimEnd();
  }

  /** Comments before an offset that have found no place. */
  #upTo(offset: number): string[] {
    const comments: string[] = [];
    for (; this.#comments[this.#next]! < offset; this.#next += 2) comments.push(this.#comment());
    return comments;
  }

  #value(node: FieldNode, value: ValueNode, message: Message | undefined): LaidValue {
    if (value.kind === 'scalar') return { kind: 'scalar', lines: this.#scalar(value) };
    const field = message?.field(node.name);
    if (value.kind === 'block') {
      const isEntry = field?.entry !== undefined;
      return {
        kind: 'block',
        isEntry,
        ...this.fields(value.fields, field?.entry ?? field?.message, value.start + 1, value.close),
      };
    }
    const items: LaidItem[] = [];
    const inside = this.#between(this.#withCommas(value.items), value.start + 1, value.close, ({ item }, above) => {
      const laid = this.#value(node, item, message);
      const hoisted = this.#upTo(item.end);
      return (behind) => items.push({ value: laid, above: [...above, ...hoisted], behind });
    });
    const ofBlocks = items.length === 0 ? node.colon === -1 : items[0]!.value.kind === 'block';
    return { kind: 'list', items, ofBlocks, inside };
  }

  /** Items that end behind their comma, so that a comment behind the comma is one behind the item. */
  #withCommas(items: readonly ValueNode[]): { item: ValueNode; start: number; end: number }[] {
    return items.map((item, index) => {
      const isLast = index === items.length - 1;
      return { item, start: item.start, end: isLast ? item.end : commaAfter(this.#text, item.end) + 1 };
    });
  }

  /** The literal in double quotes with canonical escapes; several keep their text, and their lines. */
  #scalar(node: ScalarNode): string[] {
    const { literals } = node;
    const sign = node.negative ? '-' : '';
    if (node.type !== 'string') return [`${sign}${this.#text.slice(literals[0], literals[1])}`];
    const value = literals.length === 2 ? decodeLiterals(this.#text, literals) : undefined;
    if (value !== undefined) return [quoteString(value)];
    const lines = [this.#text.slice(literals[0], literals[1])];
    for (let index = 2; index < literals.length; index += 2) {
      const literal = this.#text.slice(literals[index], literals[index + 1]);
      if (this.#text.slice(literals[index - 1], literals[index]).includes('\n')) lines.push(literal);
      else lines[lines.length - 1] += ` ${literal}`;
    }
    return lines;
  }
}

/** Offset of the first comma after an offset, past white space and comments. The text must have one. */
export function commaAfter(text: string, from: number): number {
  const trivia = /(?:\s|#[^\n]*)*/y;
  trivia.lastIndex = from;
  trivia.test(text);
  return trivia.lastIndex;
}
