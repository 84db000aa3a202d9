import type { Findings } from './findings.ts';

/** Kinds of token. A symbol is one character; its code stands in `symbol`. */
export const END = 0;
export const IDENTIFIER = 1;
export const INTEGER = 2;
export const FLOAT = 3;
export const STRING = 4;
export const SYMBOL = 5;

const LETTER = 1;
const DIGIT = 2;
const HEX = 4;
const SPACE = 8;
const classes = new Uint8Array(128);
for (const [characters, bits] of [
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_', LETTER],
  ['0123456789', DIGIT],
  ['0123456789abcdefABCDEF', HEX],
  [' \t\r\n\v\f', SPACE],
] as const)
  for (const character of characters) classes[character.charCodeAt(0)]! |= bits;

function is(code: number, bits: number): boolean {
  return code < 128 && (classes[code]! & bits) !== 0;
}

const NEWLINE = 10;
const QUOTE = 34;
const HASH = 35;
const APOSTROPHE = 39;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const BACKSLASH = 92;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Cuts a text into the tokens of protobuf's text format, as its C++ tokenizer does with the settings that Triton uses.
 * What that tokenizer refuses is reported and then read as what it was most likely meant to be, so that one slip is
 * one finding. `NaN` (an offset past the end) fails every comparison, which ends each loop.
 */
export class Lexer {
  readonly text: string;
  readonly #findings: Findings;
  kind = END;
  start = 0;
  end = 0;
  /** The character code of a SYMBOL, otherwise 0. */
  symbol = 0;
  /** A line ends somewhere between the token before and this one. */
  onNewLine = true;
  /** Start and end of each `#` comment, without its line end. */
  readonly comments: number[] = [];
  /** No further close of a foreign comment exists; looking again for each open would take quadratic time. */
  #commentsEnd = false;

  constructor(text: string, findings: Findings) {
    this.text = text;
    this.#findings = findings;
    this.next();
  }

  get tokenText(): string {
    return this.text.slice(this.start, this.end);
  }

  /** Moves to the next token. */
  next(): void {
    const before = this.end;
    this.onNewLine = before === 0;
    const at = this.#skip(before);
    this.start = at;
    this.symbol = 0;
    const code = this.text.charCodeAt(at);
    if (is(code, LETTER)) {
      this.kind = IDENTIFIER;
      this.end = this.#while(at + 1, LETTER | DIGIT);
    } else if (is(code, DIGIT)) this.#number(at);
    else if (code === QUOTE || code === APOSTROPHE) this.#string(at, code);
    else if (code >= 128) this.#typographic(at);
    else if (code === DOT && is(this.text.charCodeAt(at + 1), DIGIT)) {
      if (this.kind === IDENTIFIER && before === at)
        this.#syntax(at, at + 1, 'a space is missing between a name and a decimal point');
      this.#number(at);
    } else if (at >= this.text.length) {
      this.kind = END;
      this.end = at;
    } else {
      this.kind = SYMBOL;
      this.symbol = code;
      this.end = at + 1;
    }
  }

  /** Moves to the end: a text with so many errors is not worth reading on. */
  stop(): void {
    this.kind = END;
    this.symbol = 0;
    this.start = this.text.length;
    this.end = this.text.length;
  }

  #syntax(start: number, end: number, message: string, fix?: string): void {
    this.#findings.report('config/syntax', start, end, message, fix);
  }

  #while(from: number, bits: number): number {
    let at = from;
    while (is(this.text.charCodeAt(at), bits)) at++;
    return at;
  }

  /** Past white space and comments, and past what can never be a token. */
  #skip(from: number): number {
    const { text } = this;
    for (let at = from; ; ) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) {
        this.onNewLine = true;
        at++;
      } else if (is(code, SPACE)) at++;
      else if (code === HASH) {
        const start = at;
        at = this.#lineEnd(at);
        this.comments.push(start, at);
        const zero = text.slice(start, at).indexOf('\0');
        if (zero !== -1) this.#stray(start + zero, start + zero + 1);
      } else if (code === SLASH && (text.charCodeAt(at + 1) === SLASH || text.charCodeAt(at + 1) === 42)) {
        at = this.#foreignComment(at);
      } else if (this.#typographicEnd(at) !== -1) return at;
      else if (code < 32 || code >= 128 || code === 127) {
        const start = at++;
        while (strayAgain(text.charCodeAt(at))) at++;
        this.#stray(start, at);
      } else return at;
    }
  }

  #lineEnd(from: number): number {
    const at = this.text.indexOf('\n', from);
    const end = at === -1 ? this.text.length : at;
    return end > from && this.text.charCodeAt(end - 1) === 13 ? end - 1 : end;
  }

  #foreignComment(start: number): number {
    if (this.text.charCodeAt(start + 1) === SLASH) {
      this.#findings.report('config/syntax', start, start + 2, '// does not start a comment here', 'write # for //', [
        { start, end: start + 2, text: '#' },
      ]);
      return this.#lineEnd(start);
    }
    const close = this.#commentsEnd ? -1 : this.text.indexOf('*/', start + 2);
    if (close === -1) this.#commentsEnd = true;
    this.#syntax(start, start + 2, '/* */ is not a comment here', 'start each line of a comment with #');
    if (close === -1) return this.#lineEnd(start);
    if (this.text.slice(start, close).includes('\n')) this.onNewLine = true;
    return close + 2;
  }

  #stray(start: number, end: number): void {
    const code = this.text.codePointAt(start)!;
    const edits = [{ start, end, text: '' }];
    if (code === BYTE_ORDER_MARK && start === 0) {
      const message = 'the file starts with a byte order mark, which Triton refuses';
      this.#findings.report('config/encoding', start, end, message, 'save the file as UTF-8 without a mark', edits);
    } else if (code < 128) {
      const message = `control character ${codeName(code)} outside a string`;
      this.#findings.report('config/encoding', start, end, message, 'remove it', edits);
    } else {
      const shown = code >= 0xdc80 && code <= 0xdcff ? `byte 0x${(code - 0xdc00).toString(16)}` : shownCharacter(code);
      const message = `${shown} may stand only in a string or a comment`;
      this.#findings.report('config/encoding', start, end, message, 'remove it, or write its plain counterpart');
    }
  }

  #number(start: number): void {
    const { text } = this;
    let at = start;
    let float = false;
    const second = text.charCodeAt(at + 1);
    if (text.charCodeAt(at) === ZERO && (second === 120 || second === 88)) {
      at = this.#while(at + 2, HEX);
      if (at === start + 2) this.#syntax(start, at, '0x must be followed by hexadecimal digits');
    } else if (text.charCodeAt(at) === ZERO && is(second, DIGIT)) {
      at = this.#while(at + 1, DIGIT);
      if (/[89]/.test(text.slice(start, at)))
        this.#syntax(start, at, `${text.slice(start, at)} starts with 0 and is therefore octal, but has an 8 or 9`);
    } else {
      at = this.#while(at, DIGIT);
      if (text.charCodeAt(at) === DOT) {
        float = true;
        at = this.#while(at + 1, DIGIT);
      }
      if ((text.charCodeAt(at) | 32) === 101) {
        float = true;
        const sign = text.charCodeAt(at + 1);
        const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
        at = this.#while(digits, DIGIT);
        if (at === digits) this.#syntax(start, at, `${text.slice(start, at)} lacks the digits of its exponent`);
      }
      if ((text.charCodeAt(at) | 32) === 102) {
        float = true;
        at++;
      }
    }
    this.kind = float ? FLOAT : INTEGER;
    this.end = at;
    const after = text.charCodeAt(at);
    if (is(after, LETTER)) {
      const edits = [{ start: at, end: at, text: ' ' }];
      const message = `a space is missing between ${text.slice(start, at)} and the name after it`;
      this.#findings.report('config/syntax', at, at + 1, message, 'put a space between them', edits);
    } else if (after === DOT)
      this.#syntax(
        at,
        at + 1,
        float ? 'a number has a second decimal point' : 'hexadecimal and octal numbers must be whole',
      );
  }

  #string(start: number, quote: number): void {
    const { text } = this;
    this.kind = STRING;
    for (let at = start + 1; ; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.end = at + 1;
        return;
      }
      if (code === NEWLINE || at >= text.length) {
        this.end = at > start + 1 && text.charCodeAt(at - 1) === 13 ? at - 1 : at;
        this.#syntax(
          start,
          this.end,
          'a string is not closed on its line',
          `end it with ${String.fromCharCode(quote)}`,
        );
        return;
      }
      if (code === BACKSLASH) at = this.#escape(at);
      else if (code === 0)
        this.#findings.report('config/encoding', at, at + 1, 'a string holds the character U+0000', 'write \\000');
    }
  }

  /** End of a string in the quotes of a word processor; -1 where none starts. */
  #typographicEnd(start: number): number {
    const code = this.text.charCodeAt(start);
    if (code < 0x2018 || code > 0x201f) return -1;
    for (let at = start + 1; at < this.text.length && at < start + 1000; at++) {
      const next = this.text.charCodeAt(at);
      if (next === NEWLINE) return -1;
      if (next >= 0x2018 && next <= 0x201f) return at + 1;
    }
    return -1;
  }

  #typographic(start: number): void {
    this.kind = STRING;
    this.end = this.#typographicEnd(start);
    const message = `${this.text[start]} and ${this.text[this.end - 1]} are not quotes`;
    this.#findings.report('config/encoding', start, this.end, message, 'write " for both', [
      { start, end: start + 1, text: '"' },
      { start: this.end - 1, end: this.end, text: '"' },
    ]);
  }

  /** Checks one escape; the offset of its last character that the caller need not look at again. */
  #escape(at: number): number {
    const code = this.text.charCodeAt(at + 1);
    if (code === NEWLINE || code === 13 || at + 1 >= this.text.length) return at;
    const rest = this.text.slice(at + 2, at + 10);
    const shown = this.text.slice(at, at + 2);
    switch (shown[1]) {
      case 'x':
      case 'X':
        if (!is(rest.charCodeAt(0), HEX)) this.#syntax(at, at + 2, `${shown} must be followed by hexadecimal digits`);
        break;
      case 'u':
        if (!/^[0-9a-f]{4}/i.test(rest)) this.#syntax(at, at + 2, '\\u must be followed by four hexadecimal digits');
        break;
      case 'U':
        if (!/^00[01][0-9a-f]{5}/i.test(rest))
          this.#syntax(at, at + 2, '\\U must be followed by eight hexadecimal digits up to 0010ffff');
        break;
      default:
        if (!/[abfnrtv\\?'"0-7]/.test(shown[1]!))
          this.#syntax(at, at + 2, `${shown} is not an escape in a string`, 'write \\\\ for a backslash');
    }
    return at + 1;
  }
}

function strayAgain(code: number): boolean {
  return code >= 128 || code === 127 || (code < 32 && !is(code, SPACE));
}

function codeName(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function shownCharacter(code: number): string {
  const character = String.fromCodePoint(code);
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `${character} (${codeName(code)})` : codeName(code);
}
