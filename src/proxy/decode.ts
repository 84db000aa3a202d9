import { closest } from 'fastest-levenshtein';
import { ConchError } from '../base/index.ts';
import { encodeBytes, type Tensor, type TensorData } from '../tensor/index.ts';
import { describe, type Element, elementNoun, elementNouns, invalid, packElements, readElement } from './elements.ts';
import { isScalar, type ModelInterface, type TensorInterface } from './interface.ts';
import type { ProxyLimits } from './limits.ts';

/** One input of a request, all items one after the other. */
interface InputColumn {
  readonly input: TensorInterface;
  /** Shape of one item, with the variable dimensions filled in. */
  readonly shape: readonly number[];
  readonly elementsPerItem: number;
  /** Packed data, or texts that are framed when a tensor is made. */
  readonly values: TensorData | readonly string[];
}

/** A request's body as columns of items, from which tensors of any run of items can be cut. */
export interface Items {
  readonly count: number;
  /** Whether the body named several items (as lists), and so wants a list back; a list of one counts. */
  readonly several: boolean;
  readonly columns: readonly InputColumn[];
}

/**
 * Reads the JSON body of a request to `model`. Every input is a field; its value is one item, or a list of items:
 * `{"x": [1, 2]}` and `{"x": [[1, 2], [3, 4]]}`, `{"text": "a"}` and `{"text": ["a", "b"]}`.
 * @throws REQUEST_INVALID naming the field, what was expected and what came; REQUEST_TOO_LARGE beyond `limits`.
 */
export function readItems(model: ModelInterface, body: unknown, limits: ProxyLimits): Items {
  const fields = model.inputs.map((input) => `'${input.name}'`).join(', ');
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new ConchError('REQUEST_INVALID', `body: expected an object with ${fields}, got ${describe(body)}`);
  }
  const given = body as Record<string, unknown>;
  for (const field of Object.keys(given)) {
    if (!model.inputs.some((input) => input.name === field)) throw unknownField(model, field, fields);
  }
  const parts: { column: InputColumn; count: number; several: boolean }[] = [];
  for (const input of model.inputs) {
    const value = given[input.name];
    if (value === undefined) {
      if (input.optional) continue;
      throw new ConchError('REQUEST_INVALID', `${input.name}: expected ${expectation(input)}, got nothing`, {
        where: { path: input.name },
      });
    }
    parts.push(readInput(input, value, limits));
  }
  const [first] = parts;
  if (!first) throw new ConchError('REQUEST_INVALID', `body: expected an object with ${fields}, got an empty one`);
  for (const part of parts) {
    if (part.several === first.several && part.count === first.count) continue;
    const say = ({ column, several, count }: typeof part) =>
      `'${column.input.name}' holds ${several ? `a list of ${count} items` : 'one item'}`;
    throw new ConchError('REQUEST_INVALID', `body: ${say(first)}, but ${say(part)}; all inputs need the same number`);
  }
  return { count: first.count, several: first.several, columns: parts.map((part) => part.column) };
}

/** The tensors of the items from `start` up to, not including, `end`; a leading batch dimension where `batched`. */
export function cutTensors(items: Items, start: number, end: number, batched: boolean): Tensor[] {
  return items.columns.map(({ input, shape, elementsPerItem, values }) => {
    const part = values.slice(start * elementsPerItem, end * elementsPerItem);
    const data = Array.isArray(part) ? encodeBytes(part as string[]) : (part as TensorData);
    return { name: input.name, datatype: input.datatype, shape: batched ? [end - start, ...shape] : shape, data };
  });
}

/** Some of the items, by their places. */
export function pickItems(items: Items, places: readonly number[]): Items {
  const columns = items.columns.map((column): InputColumn => {
    const { elementsPerItem: length } = column;
    const values = column.values as Extract<InputColumn['values'], Float32Array>;
    const parts = places.map((place) => values.slice(place * length, (place + 1) * length));
    if (Array.isArray(values)) return { ...column, values: (parts as unknown as string[][]).flat() };
    const all = new (values.constructor as Float32ArrayConstructor)(parts.length * length);
    parts.forEach((part, at) => {
      all.set(part, at * length);
    });
    return { ...column, values: all };
  });
  return { ...items, count: places.length, columns };
}

/** The content of an item as text: two items are equal exactly when these are. */
export function itemKey(items: Items, place: number): string {
  let key = '';
  for (const { input, shape, elementsPerItem: length, values } of items.columns) {
    const part = values.slice(place * length, (place + 1) * length);
    const content = Array.isArray(part)
      ? JSON.stringify(part)
      : Buffer.from(
          (part as Uint8Array).buffer,
          (part as Uint8Array).byteOffset,
          (part as Uint8Array).byteLength,
        ).toString('latin1');
    key += `${input.name}[${shape}]${content.length}:${content}`;
  }
  return key;
}

/** What a field takes, in words: "10 numbers", "a text, or a list of texts". */
export function expectation(input: TensorInterface): string {
  const nouns = elementNouns(input.datatype);
  if (isScalar(input)) return `${elementNoun(input.datatype)}, or a list of ${nouns}`;
  const length = input.dims[0] === -1 ? '' : `${input.dims[0]} `;
  const one = input.dims.length === 1 ? `a list of ${length}${nouns}` : `lists of shape [${input.dims}] of ${nouns}`;
  return `${one}, or a list of such lists`;
}

function unknownField(model: ModelInterface, field: string, fields: string): ConchError {
  const shown = field.length > 60 ? `${field.slice(0, 60).toWellFormed()}…` : field;
  const near = closest(
    shown,
    model.inputs.map((input) => input.name),
  );
  return new ConchError('REQUEST_INVALID', `body: unknown field '${shown}'; model '${model.name}' takes ${fields}`, {
    where: { path: shown },
    fix: `did you mean '${near}'?`,
  });
}

function readInput(input: TensorInterface, value: unknown, limits: ProxyLimits) {
  const rank = isScalar(input) ? 0 : input.dims.length;
  const depth = depthOf(value, rank + 2);
  // A list of one-element lists is how a tensor of shape [batch, 1] is written; take it beside the bare form.
  const wrapped = rank === 0 && depth === 2;
  const several = depth === rank + 1 || wrapped;
  if (!several && depth !== rank) throw invalid(input.name, expectation(input), value);
  const items = several ? (value as unknown[]) : [value];
  if (items.length === 0) throw invalid(input.name, `${expectation(input)}, at least one`, value);
  if (items.length > limits.itemsPerRequest) {
    throw new ConchError(
      'REQUEST_TOO_LARGE',
      `${input.name}: at most ${limits.itemsPerRequest} items a request, got ${items.length}`,
      { where: { path: input.name } },
    );
  }
  const itemRank = wrapped ? 1 : rank;
  const shape = itemRank === 0 ? [] : [...input.dims];
  const elements: Element[] = [];
  const read = (part: unknown, level: number, path: string): void => {
    if (level === itemRank) {
      elements.push(readElement(input.datatype, part, path, limits.charactersPerText));
      return;
    }
    const length = shape[level]!;
    const what = level === itemRank - 1 ? elementNouns(input.datatype) : 'lists';
    if (!Array.isArray(part)) throw invalid(path, `a list of ${length < 0 ? '' : `${length} `}${what}`, part);
    if (part.length === 0) throw invalid(path, `a list of ${length < 0 ? 'at least one of' : length} ${what}`, part);
    if (length < 0) shape[level] = part.length;
    else if (part.length !== length) {
      const asBefore = input.dims[level] === -1 ? ' as in the lists before it' : '';
      throw invalid(path, `a list of ${length} ${what}${asBefore}`, part);
    }
    for (let index = 0; index < part.length; index++) read(part[index], level + 1, `${path}[${index}]`);
  };
  items.forEach((item, index) => {
    read(item, 0, several ? `${input.name}[${index}]` : input.name);
  });
  const values = input.datatype === 'BYTES' ? (elements as string[]) : packElements(input.datatype, elements);
  const column = {
    input,
    shape: itemRank === 0 ? [1] : shape,
    elementsPerItem: elements.length / items.length,
    values,
  };
  return { column, count: items.length, several };
}

/** How many lists deep the first element of `value` lies, looking no further than `limit`. */
function depthOf(value: unknown, limit: number): number {
  let depth = 0;
  for (let at = value; Array.isArray(at) && depth < limit; at = at[0]) depth++;
  return depth;
}
