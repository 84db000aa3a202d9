import { type Field, type Message, modelConfig } from '../schema/view.ts';
import { Findings } from './findings.ts';
import { formatPath, parsePath, type Step } from './path.ts';
import { ScalarReader } from './scalars.ts';
import type { BlockNode, FieldNode, ListNode, Tree, ValueNode } from './tree.ts';

/** One value of a field, and where it stands: as the field's own value or as an item of its list. */
export interface Element {
  readonly node: FieldNode;
  readonly value: ValueNode;
  readonly list: ListNode | undefined;
}

/** By the fields of a block, which are not changed once they are read: thousands of findings ask for the same list. */
const known = new WeakMap<readonly FieldNode[], Map<string, readonly Element[]>>();

/** The values of all fields of one name, in the order in which they append. */
export function elementsOf(fields: readonly FieldNode[], name: string): readonly Element[] {
  const ofBlock = known.get(fields) ?? new Map<string, readonly Element[]>();
  known.set(fields, ofBlock);
  const found = ofBlock.get(name) ?? gather(fields, name);
  ofBlock.set(name, found);
  return found;
}

function gather(fields: readonly FieldNode[], name: string): Element[] {
  const elements: Element[] = [];
  for (const node of fields) {
    const { value } = node;
    if (node.name !== name || value === undefined) continue;
    if (value.kind !== 'list') elements.push({ node, value, list: undefined });
    else for (const item of value.items) elements.push({ node, value: item, list: value });
  }
  return elements;
}

/** The key that a map's entry spells: empty or 0 when it has none. */
export function keyOf(field: Field, entry: BlockNode, text: string): string {
  const key = field.entry!.field('key')!;
  const value = entry.fields.findLast((node) => node.name === 'key')?.value;
  const read = value?.kind === 'scalar' ? new ScalarReader(text, new Findings()).read(key, value) : undefined;
  return String(read ?? (field.key === 'string' ? '' : 0));
}

/** The entries of a map with a certain key; the last one counts. */
export function entriesOf(fields: readonly FieldNode[], field: Field, key: string, text: string): Element[] {
  return elementsOf(fields, field.name).filter(
    ({ value }) => value.kind === 'block' && keyOf(field, value, text) === key,
  );
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a path's value stands; for a message, a map or a whole list its field's name, and for an item of a list its
 * opening bracket. Undefined when the text does not give it.
 */
export function locate(tree: Tree, text: string, path: string): Range | undefined {
  const steps = parsePath(path);
  return steps && walk(tree.fields, modelConfig, steps, text);
}

/** Like `locate`, for the longest beginning of the path that the text gives. */
export function locateNearest(tree: Tree, text: string, path: string): Range | undefined {
  for (let steps = parsePath(path) ?? []; steps.length > 0; steps = steps.slice(0, -1)) {
    const range = walk(tree.fields, modelConfig, steps, text);
    if (range !== undefined) return range;
  }
  return undefined;
}

function walk(
  fields: readonly FieldNode[],
  message: Message,
  [first, second, ...rest]: readonly Step[],
  text: string,
): Range | undefined {
  if (first?.kind !== 'field') return undefined;
  const field = message.field(first.name);
  const given = fields.findLast((node) => node.name === first.name);
  if (given === undefined) return undefined;
  if (second === undefined) {
    if (!field?.many && given.value?.kind === 'scalar') return given.value;
    const node = field?.many ? fields.find((one) => one.name === first.name)! : given;
    return { start: node.start, end: node.nameEnd };
  }
  if (field === undefined) return undefined;
  if (second.kind === 'field') {
    if (field.many || field.message === undefined || given.value?.kind !== 'block') return undefined;
    return walk(given.value.fields, field.message, [second, ...rest], text);
  }
  const element =
    second.kind === 'index'
      ? field.entry === undefined && field.many && elementsOf(fields, field.name)[second.index]
      : field.entry !== undefined && entriesOf(fields, field, second.key, text).at(-1);
  if (!element) return undefined;
  if (rest.length === 0) return elementRange(element);
  if (element.value.kind !== 'block') return undefined;
  if (field.entry === undefined) return field.message && walk(element.value.fields, field.message, rest, text);
  return walk(element.value.fields, field.entry, throughValue(field, rest), text);
}

/** `parameters["k"].string_value` is short for `parameters["k"].value.string_value`. */
export function throughValue(field: Field, rest: readonly Step[]): readonly Step[] {
  const [next] = rest;
  const isEntryField = next?.kind === 'field' && field.entry!.field(next.name) !== undefined;
  return isEntryField ? rest : [{ kind: 'field', name: 'value' }, ...rest];
}

function elementRange({ node, value, list }: Element): Range {
  if (value.kind === 'scalar') return value;
  return list === undefined ? { start: node.start, end: node.nameEnd } : { start: value.start, end: value.start + 1 };
}

/** The path of the innermost field that holds an offset; '' outside of all. */
export function pathAt(tree: Tree, text: string, offset: number): string {
  const steps: Step[] = [];
  let fields = tree.fields;
  let message: Message | undefined = modelConfig;
  for (;;) {
    const node: FieldNode | undefined = fieldAt(fields, offset);
    if (node === undefined) return formatPath(steps);
    const field: Field | undefined = message?.field(node.name);
    steps.push({ kind: 'field', name: node.name });
    const inside: ValueNode | undefined =
      node.value?.kind === 'list'
        ? node.value.items.find((item) => item.start <= offset && offset < item.end)
        : node.value;
    if (field?.many && inside !== undefined) {
      if (field.entry === undefined) steps.push({ kind: 'index', index: indexOf(fields, node, inside) });
      else if (inside.kind === 'block') steps.push({ kind: 'key', key: keyOf(field, inside, text) });
    }
    if (inside?.kind !== 'block') return formatPath(steps);
    fields = inside.fields;
    message = field?.entry ?? field?.message;
  }
}

function fieldAt(fields: readonly FieldNode[], offset: number): FieldNode | undefined {
  let low = 0;
  let high = fields.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fields[middle]!.end > offset) high = middle;
    else low = middle + 1;
  }
  const node = fields[low];
  return node !== undefined && node.start <= offset ? node : undefined;
}

/** The index that `elementsOf` gives a value, without making its list. */
function indexOf(fields: readonly FieldNode[], node: FieldNode, value: ValueNode): number {
  let index = 0;
  for (const before of fields) {
    if (before === node) break;
    if (before.name === node.name && before.value !== undefined)
      index += before.value.kind === 'list' ? before.value.items.length : 1;
  }
  return node.value?.kind === 'list' ? index + node.value.items.indexOf(value) : index;
}
