import {
  CLOSE_BLOCK,
  CLOSE_LIST,
  COLON,
  COMMA,
  EQUALS,
  GREATER,
  LESS,
  MINUS,
  OPEN_BLOCK,
  OPEN_LIST,
  opening,
  PLUS,
  SEMICOLON,
} from './characters.ts';
import type { Findings } from './findings.ts';
import { END, FLOAT, IDENTIFIER, INTEGER, Lexer, STRING, SYMBOL } from './lexer.ts';
import type { BlockNode, FieldNode, ListNode, ScalarNode, Tree, ValueNode } from './tree.ts';

/** Blocks and lists inside one another. Triton's schema needs 7; deeper text is skipped without recursion. */
const DEEPEST = 100;

/**
 * Reads the structure of a text. What protobuf's parser would stop at is reported, and reading goes on where the next
 * field most likely starts, so that one pass finds all errors, up to `Findings.limit`. Takes linear time on any input.
 */
export function readTree(text: string, findings: Findings): Tree {
  const reader = new TreeReader(text, findings);
  const fields = reader.topLevel();
  return { fields, comments: reader.lexer.comments };
}

class TreeReader {
  readonly lexer: Lexer;
  readonly #text: string;
  readonly #findings: Findings;
  #depth = 0;
  #openLists = 0;
  #endReported = false;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
    this.lexer = new Lexer(text, findings);
  }

  topLevel(): FieldNode[] {
    const fields: FieldNode[] = [];
    while (this.lexer.kind !== END) {
      this.#fields(fields);
      if (this.#at(CLOSE_BLOCK) || this.#at(GREATER)) {
        const { start, end, tokenText } = this.lexer;
        const edits = [{ start, end, text: '' }];
        this.#findings.report('config/syntax', start, end, `${tokenText} closes nothing`, 'remove it', edits);
        this.lexer.next();
      }
    }
    return fields;
  }

  /** Fields up to a closing bracket, which is left to the caller, or the end. */
  #fields(fields: FieldNode[]): void {
    const { lexer } = this;
    for (;;) {
      if (this.#findings.full) lexer.stop();
      if (lexer.kind === IDENTIFIER) fields.push(this.#field(lexer.start, lexer.end, lexer.tokenText));
      else if (lexer.kind === END || this.#at(CLOSE_BLOCK) || this.#at(GREATER)) return;
      else if (this.#at(CLOSE_LIST) && this.#openLists > 0) return;
      else if (this.#isQuotedName()) {
        const { start, end } = lexer;
        const name = this.#text.slice(start + 1, end - 1);
        const edits = [{ start, end, text: name }];
        this.#syntax(`the field name ${name} is in quotes`, `write ${name} without quotes`, edits);
        fields.push(this.#field(start, end, name));
      } else this.#notAField();
    }
  }

  #notAField(): void {
    const { lexer } = this;
    const { start, end } = lexer;
    if (this.#at(COMMA) || this.#at(SEMICOLON)) {
      const message = `${lexer.tokenText} separates nothing: one may stand after a field, never first or twice`;
      this.#syntax(message, 'remove it', [{ start, end, text: '' }]);
      lexer.next();
      return;
    }
    if (this.#at(OPEN_LIST)) this.#syntax('extensions ([name]) are not part of a model configuration');
    else this.#syntax(`expected a field name, found ${this.#shown()}`);
    this.#recover();
  }

  #field(start: number, nameEnd: number, name: string): FieldNode {
    const { lexer } = this;
    lexer.next();
    let colon = -1;
    if (this.#at(COLON)) {
      colon = lexer.start;
      lexer.next();
    } else if (this.#at(EQUALS)) {
      colon = lexer.start;
      const edits = [{ start: lexer.start, end: lexer.end, text: ':' }];
      this.#syntax(`expected : after ${name}, found =`, 'write : for =', edits);
      lexer.next();
    }
    const value = this.#value(name);
    let end = value?.end ?? (colon === -1 ? nameEnd : colon + 1);
    if (this.#at(COMMA) || this.#at(SEMICOLON)) {
      end = lexer.end;
      lexer.next();
    }
    return { name, start, nameEnd, colon, value, end };
  }

  #value(name: string): ValueNode | undefined {
    const { lexer } = this;
    if (this.#at(OPEN_BLOCK) || this.#at(LESS)) return this.#block(name);
    if (this.#at(OPEN_LIST)) return this.#list(name);
    if (this.#startsScalar()) {
      if (!(lexer.kind === IDENTIFIER && this.#isFieldName()) && !this.#isQuotedName()) return this.#scalar();
      this.#syntax(`${name} has no value`);
      return undefined;
    }
    this.#syntax(`expected a value for ${name}, found ${this.#shown()}`);
    const { kind, symbol, onNewLine } = lexer;
    const isSeparator = symbol === COMMA || symbol === SEMICOLON;
    if (kind !== END && !onNewLine && !isSeparator && opening(symbol) >= 0) this.#recover();
    return undefined;
  }

  #startsScalar(): boolean {
    const { kind } = this.lexer;
    return kind === IDENTIFIER || kind === INTEGER || kind === FLOAT || kind === STRING || this.#at(MINUS, PLUS);
  }

  /** Whether the identifier at hand is the name of the next field rather than a value: a colon or block follows it. */
  #isFieldName(): boolean {
    const code = this.#following();
    if (code === COLON) return true;
    return this.lexer.onNewLine && (code === OPEN_BLOCK || code === OPEN_LIST || code === LESS);
  }

  /** Whether the token is a field's name in quotes, as in JSON: such a string is no value, nor part of one. */
  #isQuotedName(): boolean {
    const { kind, tokenText } = this.lexer;
    return kind === STRING && this.#following() === COLON && /^["'][a-zA-Z_]\w*["']$/.test(tokenText);
  }

  /** The code of the first character behind the token, on its line, that is no space. */
  #following(): number {
    let at = this.lexer.end;
    let code = this.#text.charCodeAt(at);
    while (code === 32 || code === 9) code = this.#text.charCodeAt(++at);
    return code;
  }

  #scalar(): ScalarNode | undefined {
    const { lexer } = this;
    const { start } = lexer;
    const negative = this.#at(MINUS);
    if (this.#at(PLUS)) {
      const edits = [{ start, end: lexer.end, text: '' }];
      this.#syntax('a number takes no + sign', 'remove the +', edits);
      lexer.next();
    } else if (negative) lexer.next();
    const { kind } = lexer;
    if (kind === STRING && !negative) return this.#strings(start);
    if (kind !== IDENTIFIER && kind !== INTEGER && kind !== FLOAT) {
      this.#syntax(`expected a number after the sign, found ${this.#shown()}`);
      return undefined;
    }
    const type = kind === IDENTIFIER ? 'identifier' : kind === INTEGER ? 'integer' : 'float';
    const literals = [lexer.start, lexer.end];
    const { end } = lexer;
    lexer.next();
    return { kind: 'scalar', type, negative, start, end, literals };
  }

  #strings(start: number): ScalarNode {
    const { lexer } = this;
    const literals: number[] = [];
    let end = start;
    while (lexer.kind === STRING && (literals.length === 0 || !this.#isQuotedName())) {
      literals.push(lexer.start, lexer.end);
      end = lexer.end;
      lexer.next();
    }
    return { kind: 'scalar', type: 'string', negative: false, start, end, literals };
  }

  #block(name: string): BlockNode | undefined {
    const { lexer } = this;
    const { start } = lexer;
    if (this.#tooDeep(name)) return undefined;
    const closer = this.#at(LESS) ? GREATER : CLOSE_BLOCK;
    const open = this.#text[start]!;
    const lists = this.#openLists;
    lexer.next();
    const fields: FieldNode[] = [];
    this.#depth++;
    this.#fields(fields);
    this.#depth--;
    this.#openLists = lists;
    const { start: close, end } = lexer;
    if (this.#at(CLOSE_BLOCK) || this.#at(GREATER)) {
      if (!this.#at(closer)) {
        const right = String.fromCharCode(closer);
        const message = `${name} opens with ${open} but closes with ${lexer.tokenText}`;
        this.#syntax(message, `write ${right}`, [{ start: close, end, text: right }]);
      }
      lexer.next();
      return { kind: 'block', start, end, fields, close };
    }
    this.#unclosed(name, start);
    return { kind: 'block', start, end: fields.at(-1)?.end ?? start + 1, fields, close: -1 };
  }

  #list(name: string): ListNode | undefined {
    const { lexer } = this;
    const { start } = lexer;
    if (this.#tooDeep(name)) return undefined;
    lexer.next();
    this.#depth++;
    this.#openLists++;
    const items: ValueNode[] = [];
    const complete = this.#items(name, items);
    this.#depth--;
    this.#openLists--;
    const { start: close, end } = lexer;
    if (complete) {
      lexer.next();
      return { kind: 'list', start, end, items, close };
    }
    this.#unclosed(name, start);
    return { kind: 'list', start, end: items.at(-1)?.end ?? start + 1, items, close: -1 };
  }

  /** The items up to the closing bracket; false when something else ends the list. */
  #items(name: string, items: ValueNode[]): boolean {
    const { lexer } = this;
    let comma = -1;
    for (;;) {
      if (this.#findings.full) lexer.stop();
      if (this.#at(CLOSE_LIST)) {
        if (comma !== -1) {
          const edits = [{ start: comma, end: comma + 1, text: '' }];
          this.#findings.report(
            'config/syntax',
            comma,
            comma + 1,
            `the list ${name} ends in a comma`,
            'remove it',
            edits,
          );
        }
        return true;
      }
      if (this.#at(COMMA)) {
        const edits = [{ start: lexer.start, end: lexer.end, text: '' }];
        this.#syntax(`a comma without a value before it in the list ${name}`, 'remove it', edits);
        lexer.next();
        continue;
      }
      if ((lexer.kind === IDENTIFIER && this.#isFieldName()) || this.#isQuotedName()) return false;
      if (this.#at(OPEN_LIST))
        this.#syntax(`the list ${name} holds a list`, 'lists cannot be nested; write one flat list');
      const isItem = this.#at(OPEN_BLOCK) || this.#at(LESS) || this.#at(OPEN_LIST) || this.#startsScalar();
      if (!isItem) return false;
      const item = this.#value(name);
      if (item !== undefined) items.push(item);
      comma = this.#comma(name, item?.end ?? lexer.start);
    }
  }

  /** Consumes the comma after an item; its offset, or -1 where there is none, which is reported unless the list ends. */
  #comma(name: string, end: number): number {
    const { lexer } = this;
    const { start } = lexer;
    if (this.#at(COMMA)) {
      lexer.next();
      return start;
    }
    if (this.#at(SEMICOLON)) {
      const edits = [{ start, end: lexer.end, text: ',' }];
      this.#syntax(`the items of the list ${name} are separated by ;`, 'write , for ;', edits);
      lexer.next();
    } else if (this.#at(OPEN_BLOCK) || this.#at(LESS) || (this.#startsScalar() && !this.#isFieldName())) {
      const edits = [{ start: end, end, text: ',' }];
      this.#syntax(`a comma is missing between two items of the list ${name}`, 'put a comma between them', edits);
    }
    return -1;
  }

  #unclosed(name: string, start: number): void {
    if (this.lexer.kind === END) {
      if (this.#endReported) return; // The innermost is enough: what surrounds it has no end for the same reason.
      this.#endReported = true;
    }
    const bracket = this.#text[start]!;
    const closer = bracket === '{' ? '}' : bracket === '<' ? '>' : ']';
    const found = this.lexer.kind === END ? '' : ` before ${this.#shown()}`;
    this.#findings.report(
      'config/syntax',
      start,
      start + 1,
      `${name} opens with ${bracket} here and is not closed${found}`,
      `add the missing ${closer}`,
    );
  }

  #tooDeep(name: string): boolean {
    if (this.#depth < DEEPEST) return false;
    this.#syntax(`${name} is nested more than ${DEEPEST} levels deep`);
    this.#skipBracket();
    return true;
  }

  /** Past the bracket at hand and all up to its counterpart. */
  #skipBracket(): void {
    const { lexer } = this;
    let open = 0;
    do {
      if (lexer.kind === SYMBOL) open += opening(lexer.symbol);
      lexer.next();
    } while (open > 0 && lexer.kind !== END);
  }

  /** To where the next field most likely starts: a name at the start of a line, or a closing bracket. */
  #recover(): void {
    const { lexer } = this;
    let open = 0;
    do {
      if (lexer.kind === SYMBOL) open = Math.max(0, open + opening(lexer.symbol));
      lexer.next();
      if (open > 0) continue;
      if (lexer.kind === IDENTIFIER && (lexer.onNewLine || this.#isFieldName())) return;
      if (lexer.kind === SYMBOL && opening(lexer.symbol) < 0) return;
    } while (lexer.kind !== END);
  }

  #at(code: number, other = code): boolean {
    const { symbol } = this.lexer;
    return symbol !== 0 && (symbol === code || symbol === other);
  }

  #shown(): string {
    const { kind, tokenText } = this.lexer;
    if (kind === END) return 'the end of the file';
    return tokenText.length > 40 ? `${tokenText.slice(0, 40)}...` : tokenText;
  }

  #syntax(message: string, fix?: string, edits?: { start: number; end: number; text: string }[]): void {
    this.#findings.report('config/syntax', this.lexer.start, this.lexer.end, message, fix, edits);
  }
}
