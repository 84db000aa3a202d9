import { quoteString } from './strings.ts';

/** A text before it is laid out: what the printer makes of a config and the formatter of a tree and its comments. */
export interface LaidField {
  readonly name: string;
  readonly value: LaidValue;
  /** Comments on lines of their own above it; '' is an empty line. */
  readonly above: readonly string[];
  /** A comment behind it on its line. */
  readonly behind: string | undefined;
}

export type LaidValue = LaidScalar | LaidBlock | LaidList;

export interface LaidScalar {
  readonly kind: 'scalar';
  /** One line, or the literals of a string that spreads over several. */
  readonly lines: readonly string[];
}

export interface LaidBlock {
  readonly kind: 'block';
  readonly fields: readonly LaidField[];
  /** An entry of a map, which stays on one line where it fits. */
  readonly isEntry: boolean;
  readonly inside: Comments;
}

export interface LaidList {
  readonly kind: 'list';
  readonly items: readonly LaidItem[];
  readonly ofBlocks: boolean;
  readonly inside: Comments;
}

export interface LaidItem {
  readonly value: LaidValue;
  readonly above: readonly string[];
  readonly behind: string | undefined;
}

/** Comments that belong to no field: behind the opening bracket, and above the closing one. */
export interface Comments {
  readonly first: string | undefined;
  readonly last: readonly string[];
}

export const noComments: Comments = { first: undefined, last: [] };

const WIDTH = 100;

/** Two spaces a level; one field a line; a block of one plain field, and a map's entry, on one line where it fits. */
export function layOut(fields: readonly LaidField[], last: readonly string[] = []): string {
  const lines = layOutLines(fields, '');
  laidComments(last, '', lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** The lines of some fields, to be put among others that are indented by `indent`. */
export function layOutLines(fields: readonly LaidField[], indent: string): string[] {
  const lines: string[] = [];
  laidFields(fields, indent, lines);
  return lines;
}

/** The lines of one value, to be put where a value stands on a line indented by `indent`; the first is not indented. */
export function layOutValue(value: LaidValue, indent: string): string[] {
  const lines: string[] = [];
  laidValue('', value, indent, lines);
  return lines;
}

function laidFields(fields: readonly LaidField[], indent: string, lines: string[]): void {
  for (const { name, value, above, behind } of fields) {
    laidComments(above, indent, lines);
    laidValue(`${indent}${name}${value.kind === 'scalar' || isPlainList(value) ? ': ' : ' '}`, value, indent, lines);
    if (behind !== undefined) lines[lines.length - 1] += ` ${behind}`;
  }
}

function laidComments(comments: readonly string[], indent: string, lines: string[]): void {
  for (const comment of comments) lines.push(comment === '' ? '' : `${indent}${comment}`);
}

function isPlainList(value: LaidValue): boolean {
  return value.kind === 'list' && !value.ofBlocks;
}

function laidValue(head: string, value: LaidValue, indent: string, lines: string[]): void {
  const inline = inlined(value);
  if (inline !== undefined && (value.kind !== 'block' || head.length + inline.length <= WIDTH)) {
    lines.push(`${head}${inline}`);
    return;
  }
  const inner = `${indent}  `;
  if (value.kind === 'scalar') {
    lines.push(`${head}${value.lines[0]}`, ...value.lines.slice(1).map((line) => `${inner}${line}`));
    return;
  }
  const [open, close] = value.kind === 'block' ? '{}' : '[]';
  const { first, last } = value.inside;
  lines.push(`${head}${open}${first === undefined ? '' : ` ${first}`}`);
  if (value.kind === 'block') laidFields(value.fields, inner, lines);
  else laidItems(value.items, inner, lines);
  laidComments(last, inner, lines);
  lines.push(`${indent}${close}`);
}

function laidItems(items: readonly LaidItem[], indent: string, lines: string[]): void {
  items.forEach(({ value, above, behind }, index) => {
    laidComments(above, indent, lines);
    laidValue(indent, value, indent, lines);
    if (index < items.length - 1) lines[lines.length - 1] += ',';
    if (behind !== undefined) lines[lines.length - 1] += ` ${behind}`;
  });
}

/** The value on one line; undefined where it takes several, as all that holds a comment does. */
function inlined(value: LaidValue): string | undefined {
  if (value.kind === 'scalar') return value.lines.length === 1 ? value.lines[0] : undefined;
  if (value.inside.first !== undefined || value.inside.last.length > 0) return undefined;
  if (value.kind === 'list') {
    if (value.items.length === 0) return '[ ]';
    if (value.ofBlocks) return undefined;
    const items = value.items.map((item) => (isBare(item) ? inlined(item.value) : undefined));
    return items.includes(undefined) ? undefined : `[ ${items.join(', ')} ]`;
  }
  if (value.fields.length === 0) return '{ }';
  if (value.fields.length > 1 && !value.isEntry) return undefined;
  const fields = value.fields.map((field) => {
    const inline = isBare(field) ? inlined(field.value) : undefined;
    const colon = field.value.kind === 'scalar' || isPlainList(field.value) ? ':' : '';
    return inline === undefined ? undefined : `${field.name}${colon} ${inline}`;
  });
  return fields.includes(undefined) ? undefined : `{ ${fields.join(' ')} }`;
}

function isBare({ above, behind }: { above: readonly string[]; behind: string | undefined }): boolean {
  return above.length === 0 && behind === undefined;
}

/** A scalar as text: integers and booleans as they are, enumerations by name, strings in quotes, `inf` and `nan`. */
export function scalarText(value: string | number | bigint | boolean, isString: boolean): string {
  if (isString) return quoteString(value as string);
  if (typeof value !== 'number') return String(value);
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? String(value) : String(value).toLowerCase().replace('infinity', 'inf');
}
