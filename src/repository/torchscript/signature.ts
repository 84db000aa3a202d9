/** `forward` as TorchScript's source declares it, without `self`. */
export interface Signature {
  readonly arguments: readonly { readonly name: string; readonly type: string }[];
  readonly returns: string;
}

/**
 * The signature of a class's `forward` in the source that TorchScript generates: always fully annotated, one class
 * after the other. Undefined when there is none.
 */
export function parseForward(source: string, className: string): Signature | undefined {
  const start = source.search(new RegExp(`^class ${className.replaceAll(/\W/g, '\\$&')}\\b`, 'm'));
  if (start === -1) return undefined;
  const next = source.slice(start + 1).search(/^class /m);
  const body = next === -1 ? source.slice(start) : source.slice(start, start + 1 + next);
  const head = /^ {2}def forward\(/m.exec(body);
  if (head === null) return undefined;
  const from = head.index + head[0].length;
  const close = closing(body, from);
  const returns = /^ *-> *([\s\S]*?):\s*$/m.exec(body.slice(close + 1))?.[1];
  if (close === -1 || returns === undefined) return undefined;
  const [, ...parameters] = split(body.slice(from, close));
  const found = parameters.map((parameter) => /^(\w+)\s*:\s*([^\s=][\s\S]*)$/.exec(parameter));
  if (found.includes(null)) return undefined;
  return {
    arguments: found.map((match) => ({ name: match![1]!, type: split(match![2]!, '=')[0]!.replaceAll(/\s+/g, ' ') })),
    returns: returns.replaceAll(/\s+/g, ' ').trim(),
  };
}

/** The types between the brackets of `Tuple[...]` and the like; undefined for another type. */
export function typeArguments(type: string, name: string): string[] | undefined {
  if (!type.startsWith(`${name}[`) || !type.endsWith(']')) return undefined;
  return split(type.slice(name.length + 1, -1));
}

/** Where the bracket that was open at `from` closes; -1 when it does not. */
function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!) && --depth === 0) return at;
  }
  return -1;
}

/** Parts between separators that stand outside of brackets, trimmed. */
function split(text: string, separator = ','): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if ('([{'.includes(text[at]!)) depth++;
    else if (')]}'.includes(text[at]!)) depth--;
    else if (text[at] === separator && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === '' ? parts : [...parts, last];
}
