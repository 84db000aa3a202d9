import { ConchError } from '../../base/index.ts';
import { unknownField } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';
import type { LaidField } from '../text/layout.ts';
import { type Element, elementsOf, entriesOf, throughValue } from '../text/locate.ts';
import { parseConfig } from '../text/parse.ts';
import { formatPath, parsePath, type Step } from '../text/path.ts';
import { laidEntry, laidField, laidOne } from '../text/print.ts';
import type { FieldNode } from '../text/tree.ts';
import { commaAfter, errorOf, readWellFormed } from './format.ts';
import { applySplices, Source, type Splice } from './splice.ts';

/** One change of a configuration's text. */
export interface ConfigEdit {
  /**
   * Where, as in `ParsedConfig.at`: `dynamic_batching.max_queue_delay_microseconds`, `input[0].dims`,
   * `parameters["k"].value.string_value`. Messages on the way are created; the index behind the last item appends.
   */
  readonly path: string;
  /** The new value in the shape of `ModelConfig`; undefined removes what is there. */
  readonly value: unknown;
}

/**
 * Changes values of a config.pbtxt and leaves all else as it is: comments, order, spelling, line ends. A new field goes
 * behind those that precede it in the schema's order; a removed one takes the comment behind it along.
 *
 * @throws CONFIG_INVALID when the text has syntax errors, a path or value does not fit the schema, or the result would
 * be refused by Triton's parser where the text was not (two members of a oneof).
 */
export function editConfig(text: string, edits: readonly ConfigEdit[]): string {
  let edited = text;
  for (const { path, value } of edits) {
    const tree = readWellFormed(edited);
    const steps = parsePath(path);
    if (steps === undefined) {
      const fix = 'write it like input[0].dims or parameters["key"].string_value';
      throw new ConchError('CONFIG_INVALID', `${path} is not a path of fields`, { where: { path }, fix });
    }
    const editor = new Editor(new Source(edited), path, value);
    edited = applySplices(edited, editor.message(tree.fields, edited.length, modelConfig, steps, 0));
  }
  if (edits.length === 0) return text;
  const before = parseConfig(text).diagnostics.map((one) => one.message);
  const caused = parseConfig(edited).diagnostics.find(
    (one) => one.severity === 'error' && !before.includes(one.message),
  );
  if (caused !== undefined) throw errorOf(caused);
  return edited;
}

/** Makes one edit. `done` counts the steps of the path that lead to the message or value at hand. */
class Editor {
  readonly #source: Source;
  readonly #path: string;
  readonly #value: unknown;

  constructor(source: Source, path: string, value: unknown) {
    this.#source = source;
    this.#path = path;
    this.#value = value;
  }

  /** @param close where the fields end: the closing bracket, or the end of the text. */
  message(
    fields: readonly FieldNode[],
    close: number,
    message: Message,
    steps: readonly Step[],
    done: number,
  ): Splice[] {
    const [first, ...rest] = steps.slice(done);
    if (first?.kind !== 'field') throw this.#misfit(`${formatPath(steps.slice(0, done))} is not a list or map`);
    const field = message.field(first.name);
    if (field === undefined) throw unknownField(message, first.name, this.#path);
    const insert = (value: unknown) => this.#insert(fields, close, message, field, value);
    if (rest.length === 0) return this.#whole(fields, field, insert);
    if (field.entry !== undefined) return this.#entry(fields, field, steps, done + 1, insert);
    if (field.many) return this.#item(fields, field, steps, done + 1, insert);
    if (field.message === undefined) throw this.#misfit(`${first.name} is a plain value and has no parts`);
    const block = fields.findLast((node) => node.name === field.name && node.value?.kind === 'block')?.value;
    if (block?.kind === 'block') return this.message(block.fields, block.close, field.message, steps, done + 1);
    return this.#value === undefined ? [] : insert(this.#wrapped(field.message, rest));
  }

  #whole(fields: readonly FieldNode[], field: Field, insert: (value: unknown) => Splice[]): Splice[] {
    const nodes = fields.filter((node) => node.name === field.name);
    if (this.#value === undefined) return nodes.map((node) => this.#source.remove(node.start, node.end));
    if (nodes.length === 0) return insert(this.#value);
    const last = nodes.at(-1)!;
    if (!field.many && last.value !== undefined)
      return [this.#source.replace(last.value.start, last.value.end, laidOne(field, this.#value, this.#path))];
    const [first, ...others] = nodes;
    const replaced = this.#source.replaceFields(first!.start, first!.end, laidField(field, this.#value, this.#path));
    return [replaced, ...others.map((node) => this.#source.remove(node.start, node.end))];
  }

  #item(
    fields: readonly FieldNode[],
    field: Field,
    steps: readonly Step[],
    done: number,
    insert: (value: unknown) => Splice[],
  ): Splice[] {
    const step = steps[done]!;
    if (step.kind !== 'index')
      throw this.#misfit(`${field.name} is a list: name one of its items like ${field.name}[0]`);
    const elements = elementsOf(fields, field.name);
    const element = elements[step.index];
    const rest = steps.slice(done + 1);
    if (rest.length > 0 && field.message === undefined)
      throw this.#misfit(`${field.name} holds plain values, without parts`);
    if (element === undefined) {
      if (this.#value === undefined) return [];
      if (step.index > elements.length)
        throw this.#misfit(`${field.name} has ${elements.length} items; the next is ${field.name}[${elements.length}]`);
      const value = rest.length === 0 ? this.#value : this.#wrapped(field.message!, rest);
      return this.#append(fields, elements.at(-1), laidOne(field, value, this.#path), field, () => insert([value]));
    }
    if (rest.length > 0) return this.#inside(element, field.message!, steps, done + 1);
    if (this.#value === undefined) return this.#remove(element);
    return [this.#source.replace(element.value.start, element.value.end, laidOne(field, this.#value, this.#path))];
  }

  #entry(
    fields: readonly FieldNode[],
    field: Field,
    steps: readonly Step[],
    done: number,
    insert: (value: unknown) => Splice[],
  ): Splice[] {
    const step = steps[done]!;
    if (step.kind !== 'key')
      throw this.#misfit(`${field.name} is a map: name one of its entries like ${field.name}["key"]`);
    const rest = steps.slice(done + 1);
    const entries = entriesOf(fields, field, step.key, this.#source.text);
    if (rest.length === 0 && this.#value === undefined) return entries.flatMap((entry) => this.#remove(entry));
    const through = throughValue(field, rest);
    const last = entries.at(-1);
    if (last !== undefined) {
      const path = [...steps.slice(0, done + 1), ...through];
      return this.#inside(last, field.entry!, path, done + 1);
    }
    if (this.#value === undefined) return [];
    const [value, ...inner] = through;
    if (value?.kind !== 'field' || value.name !== 'value') throw this.#misfit(`${field.name} has no entry ${step.key}`);
    if (inner.length > 0 && field.message === undefined)
      throw this.#misfit(`${field.name} holds plain values, without parts`);
    const wrapped = inner.length === 0 ? this.#value : this.#wrapped(field.message!, inner);
    const laid = laidEntry(field, step.key, wrapped, this.#path);
    const before = elementsOf(fields, field.name).at(-1);
    return this.#append(fields, before, laid, field, () => insert({ [step.key]: wrapped }));
  }

  #inside(element: Element, message: Message, steps: readonly Step[], done: number): Splice[] {
    const { value } = element;
    if (value.kind !== 'block')
      throw this.#misfit(`the text gives ${element.node.name} a plain value, not a block { }`);
    return this.message(value.fields, value.close, message, steps, done);
  }

  /** Behind the last item: in its list, or as a field of its own where the items are so written. */
  #append(
    fields: readonly FieldNode[],
    last: Element | undefined,
    laid: LaidField['value'],
    field: Field,
    insert: () => Splice[],
  ): Splice[] {
    if (last?.list !== undefined) return this.#source.insertItem(last.value.end, last.value.start, laid);
    const own: LaidField = { name: field.name, value: laid, above: [], behind: undefined };
    if (last !== undefined) return [this.#source.insertBehind(last.node.end, last.node.start, [own])];
    const empty = fields.findLast((node) => node.name === field.name);
    if (empty === undefined) return insert();
    const items = [{ value: laid, above: [], behind: undefined }];
    const list = {
      kind: 'list',
      items,
      ofBlocks: laid.kind === 'block',
      inside: { first: undefined, last: [] },
    } as const;
    return [this.#source.replaceFields(empty.start, empty.end, [{ ...own, value: list }])];
  }

  #remove({ node, value, list }: Element): Splice[] {
    if (list === undefined || list.items.length === 1) return [this.#source.remove(node.start, node.end)];
    const index = list.items.indexOf(value);
    const before = list.items[index - 1];
    if (index < list.items.length - 1)
      return [this.#source.remove(value.start, commaAfter(this.#source.text, value.end) + 1)];
    const comma = commaAfter(this.#source.text, before!.end);
    return [{ start: comma, end: comma + 1, text: '' }, this.#source.remove(value.start, value.end)];
  }

  #insert(fields: readonly FieldNode[], close: number, message: Message, field: Field, value: unknown): Splice[] {
    const laid = laidField(field, value, this.#path);
    const order = message.fields.indexOf(field);
    const isBefore = (node: FieldNode) => message.fields.findIndex((other) => other.name === node.name) < order;
    const sibling = fields.findLast(isBefore);
    if (sibling !== undefined) return [this.#source.insertBehind(sibling.end, sibling.start, laid)];
    const [first] = fields;
    return [first === undefined ? this.#source.insertLast(close, laid) : this.#source.insertBefore(first.start, laid)];
  }

  /** The value as the message that the rest of the path leads through. */
  #wrapped(message: Message, [step, ...rest]: readonly Step[]): Record<string, unknown> {
    const field = step?.kind === 'field' ? message.field(step.name) : undefined;
    if (step?.kind !== 'field') throw this.#misfit(`${message.name} is not a list or map`);
    if (field === undefined) throw unknownField(message, step.name, this.#path);
    const [next, ...inner] = rest;
    if (next === undefined) return { [field.name]: this.#value };
    const one = (steps: readonly Step[]) => {
      if (steps.length === 0) return this.#value;
      if (field.message === undefined) throw this.#misfit(`${field.name} is a plain value and has no parts`);
      return this.#wrapped(field.message, steps);
    };
    if (field.entry !== undefined) {
      if (next.kind !== 'key')
        throw this.#misfit(`${field.name} is a map: name one of its entries like ${field.name}["key"]`);
      return { [field.name]: { [next.key]: one(throughValue(field, inner).slice(1)) } };
    }
    if (!field.many) return { [field.name]: one(rest) };
    if (next.kind !== 'index')
      throw this.#misfit(`${field.name} is a list: name one of its items like ${field.name}[0]`);
    if (next.index > 0) throw this.#misfit(`${field.name} has 0 items; the next is ${field.name}[0]`);
    return { [field.name]: [one(inner)] };
  }

  #misfit(message: string): ConchError {
    return new ConchError('CONFIG_INVALID', `${this.#path}: ${message}`, { where: { path: this.#path } });
  }
}
