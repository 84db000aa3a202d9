import { type LaidField, type LaidValue, layOutLines, layOutValue } from '../text/layout.ts';

/** A replacement in a text. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text with all replacements made. They must not overlap; of two insertions at one place the first comes first. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = '';
  let done = 0;
  for (const { start, end, text: replacement } of splices.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(done, start) + replacement;
    done = end;
  }
  return result + text.slice(done);
}

/** A text with the conventions that replacements in it must keep: its line ends and its indentation. */
export class Source {
  readonly text: string;
  readonly #newline: string;

  constructor(text: string) {
    this.text = text;
    this.#newline = text.includes('\r\n') ? '\r\n' : '\n';
  }

  /** A field behind another thing of the same block: on lines of its own where that one ends its line. */
  insertBehind(end: number, sibling: number, fields: readonly LaidField[]): Splice {
    if (!this.#endsLine(end)) return this.#insert(end, ` ${this.#onOneLine(fields)}`);
    const lines = layOutLines(fields, this.indentAt(sibling));
    return this.#insert(this.#lineEnd(end), lines.map((line) => this.#newline + line).join(''));
  }

  /** A field before another thing of the same block. */
  insertBefore(start: number, fields: readonly LaidField[]): Splice {
    if (!this.#startsLine(start)) return this.#insert(start, `${this.#onOneLine(fields)} `);
    const indent = this.indentAt(start);
    const lines = layOutLines(fields, indent);
    return this.#insert(start - indent.length, lines.map((line) => line + this.#newline).join(''));
  }

  /** A field in a block that has none: before its closing bracket, or at the end of the text. */
  insertLast(close: number, fields: readonly LaidField[]): Splice {
    if (close === this.text.length) {
      const gap = this.text === '' || this.text.endsWith('\n') ? '' : this.#newline;
      return this.#insert(close, gap + layOutLines(fields, '').join(this.#newline) + this.#newline);
    }
    if (!this.#startsLine(close)) {
      const gap = this.text[close - 1] === ' ' ? '' : ' ';
      return this.#insert(close, `${gap}${this.#onOneLine(fields)} `);
    }
    const indent = this.indentAt(close);
    const lines = layOutLines(fields, `${indent}  `);
    return this.#insert(close - indent.length, lines.map((line) => line + this.#newline).join(''));
  }

  /** An item behind the last one of a list. */
  insertItem(end: number, start: number, value: LaidValue): Splice[] {
    const indent = this.indentAt(start);
    if (!this.#startsLine(start)) return [this.#insert(end, `, ${layOutValue(value, indent).join(this.#newline)}`)];
    const item = this.#newline + indent + layOutValue(value, indent).join(this.#newline);
    const at = this.#endsLine(end) ? this.#lineEnd(end) : end;
    return [this.#insert(end, ','), this.#insert(at, item)];
  }

  replace(start: number, end: number, value: LaidValue): Splice {
    return { start, end, text: layOutValue(value, this.indentAt(start)).join(this.#newline) };
  }

  replaceFields(start: number, end: number, fields: readonly LaidField[]): Splice {
    return { start, end, text: layOutLines(fields, this.indentAt(start)).join(this.#newline).trimStart() };
  }

  /** Without a range; lines that it fills alone go as a whole, and so does a comment behind it. */
  remove(start: number, end: number): Splice {
    if (this.#startsLine(start) && this.#endsLine(end)) {
      const lineEnd = this.text.indexOf('\n', end);
      return {
        start: start - this.indentAt(start).length,
        end: lineEnd === -1 ? this.text.length : lineEnd + 1,
        text: '',
      };
    }
    const gap = /[ \t]*/y;
    gap.lastIndex = end;
    gap.test(this.text);
    const closes = /[\]}>\r\n]/.test(this.text[gap.lastIndex] ?? '\n');
    // The space before goes where nothing follows on the line, otherwise the space behind.
    if (!closes) return { start, end: gap.lastIndex, text: '' };
    return { start: this.text[start - 1] === ' ' && this.text[end] === ' ' ? start - 1 : start, end, text: '' };
  }

  /** The white space with which the line of an offset begins. */
  indentAt(offset: number): string {
    const lineStart = this.text.lastIndexOf('\n', offset - 1) + 1;
    return /^[ \t]*/.exec(this.text.slice(lineStart, offset))![0];
  }

  #insert(at: number, text: string): Splice {
    return { start: at, end: at, text };
  }

  #onOneLine(fields: readonly LaidField[]): string {
    return layOutLines(fields, '')
      .map((line) => line.trim())
      .join(' ');
  }

  #startsLine(offset: number): boolean {
    const lineStart = this.text.lastIndexOf('\n', offset - 1) + 1;
    return /^[ \t]*$/.test(this.text.slice(lineStart, offset));
  }

  #endsLine(offset: number): boolean {
    return /^[ \t]*(#|\r?$)/.test(this.text.slice(offset, this.#lineEnd(offset)));
  }

  #lineEnd(offset: number): number {
    const at = this.text.indexOf('\n', offset);
    if (at === -1) return this.text.length;
    return this.text[at - 1] === '\r' && at - 1 >= offset ? at - 1 : at;
  }
}
