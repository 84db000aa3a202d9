/** A property of an object literal in the text of a TypeScript file; offsets. */
export interface LiteralProperty {
  readonly key: string;
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

export interface ObjectLiteral {
  /** Of its `{` and of its `}`. */
  readonly open: number;
  readonly close: number;
  readonly properties: readonly LiteralProperty[];
}

const closing: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' };

/**
 * Reads the object literal whose `{` stands at `open`: its own properties with plain keys, whatever their values are.
 * Spreads, methods and computed keys are passed over. Undefined where brackets do not match.
 */
export function readObject(text: string, open: number): ObjectLiteral | undefined {
  const properties: LiteralProperty[] = [];
  let at = skipBlank(text, open + 1);
  while (at < text.length && text[at] !== '}') {
    const start = at;
    const [, quoted, plain] = /^(?:(['"][^'"\\\n]*['"])|([A-Za-z_$][\w$]*))/.exec(text.slice(at, at + 500)) ?? [];
    const key = quoted === undefined ? plain : quoted.slice(1, -1);
    const colon = key === undefined ? -1 : skipBlank(text, at + (quoted ?? plain)!.length);
    const isProperty = colon >= 0 && text[colon] === ':';
    const valueStart = isProperty ? skipBlank(text, colon + 1) : at;
    const end = endOfValue(text, valueStart);
    if (end === undefined) return undefined;
    if (isProperty) properties.push({ key: key!, start, valueStart, valueEnd: trimmedEnd(text, valueStart, end) });
    at = skipBlank(text, text[end] === ',' ? end + 1 : end);
  }
  return at < text.length ? { open, close: at, properties } : undefined;
}

/** The end of blanks and comments from `at` on. */
export function skipBlank(text: string, at: number): number {
  for (;;) {
    const next = /\S/.exec(text.slice(at));
    if (!next) return text.length;
    at += next.index;
    if (text.startsWith('//', at)) at = after(text, '\n', at);
    else if (text.startsWith('/*', at)) at = after(text, '*/', at + 2);
    else return at;
  }
}

/** Where an expression ends: at the comma or bracket behind it. */
function endOfValue(text: string, from: number): number | undefined {
  const open: string[] = [];
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (text.startsWith('//', at)) at = after(text, '\n', at) - 1;
    else if (text.startsWith('/*', at)) at = after(text, '*/', at + 2) - 1;
    else if (character === "'" || character === '"' || character === '`') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else if (closing[character]) open.push(closing[character]!);
    else if (character === '}' || character === ']' || character === ')') {
      if (open.length === 0) return at;
      if (open.pop() !== character) return undefined;
    } else if (character === ',' && open.length === 0) return at;
  }
  return undefined;
}

/** The closing quote; a template's `${...}` may hold strings of its own. */
function endOfString(text: string, from: number): number | undefined {
  const quote = text[from];
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at;
    else if (quote === '`' && text.startsWith('${', at)) {
      const end = endOfValue(text, at + 2);
      if (end === undefined) return undefined;
      at = end;
    }
  }
  return undefined;
}

/** Without blanks and comments at its end, which belong to what follows. */
function trimmedEnd(text: string, from: number, to: number): number {
  let end = from;
  for (let at = from; at < to; ) {
    const next = skipBlank(text, at);
    if (next >= to) break;
    const character = text[next]!;
    at = (character === "'" || character === '"' || character === '`' ? (endOfString(text, next) ?? next) : next) + 1;
    end = at;
  }
  return end;
}

function after(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at + what.length;
}
