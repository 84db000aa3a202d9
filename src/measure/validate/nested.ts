import { ConchError } from '../../base/index.ts';
import {
  bfloat16ToNumber,
  createTensor,
  type Datatype,
  datatypes,
  decodeStrings,
  elementCount,
  halfToNumber,
  numberToBfloat16,
  numberToHalf,
  stringTensor,
  type Tensor,
} from '../../tensor/index.ts';

/** A tensor's declaration in a model's configuration; `dims` without the batch dimension. */
export interface Declared {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
}

export type Leaf = number | string | boolean;

/** Nested lists as a shape and their elements in row-major order. */
export interface Flat {
  readonly shape: readonly number[];
  readonly elements: readonly Leaf[];
}

/** More nesting than any tensor has; beyond it a value is refused instead of walked. */
const deepest = 32;

/** @throws FILE_INVALID (without a place) when the lists are not rectangular or hold something that is no element. */
export function flatten(value: unknown, path: string): Flat {
  const shape: number[] = [];
  for (let at = value; Array.isArray(at); at = at[0]) {
    if (shape.length === deepest) throw new ConchError('FILE_INVALID', `${path}: lists nested deeper than ${deepest}`);
    shape.push(at.length);
  }
  const elements: Leaf[] = [];
  const walk = (part: unknown, level: number, at: string): void => {
    if (level < shape.length) {
      if (!Array.isArray(part) || part.length !== shape[level]) {
        const got = Array.isArray(part) ? `a list of ${part.length}` : 'no list';
        throw new ConchError('FILE_INVALID', `${at}: expected a list of ${shape[level]} as before, got ${got}`);
      }
      for (let index = 0; index < part.length; index++) walk(part[index], level + 1, `${at}[${index}]`);
    } else if (typeof part === 'number' || typeof part === 'string' || typeof part === 'boolean') {
      elements.push(part);
    } else {
      const got =
        part === null ? 'null' : Array.isArray(part) ? 'a list' : part === undefined ? 'nothing' : 'an object';
      throw new ConchError('FILE_INVALID', `${at}: expected a number, text or boolean, got ${got}`);
    }
  };
  walk(value, 0, path);
  return { shape, elements };
}

/**
 * Nested lists as an input tensor. They may be written with the batch dimension or, for a batch of one, without it; a
 * single element may be written bare.
 * @throws FILE_INVALID (without a place) when shape or elements do not fit the declaration.
 */
export function toTensor(declared: Declared, batched: boolean, value: unknown): Tensor {
  const { name, datatype, dims } = declared;
  const flat = flatten(value, name);
  const fits = (shape: readonly number[]) =>
    shape.length === dims.length && dims.every((dim, at) => dim === -1 || dim === shape[at]);
  const item = flat.shape.length === 0 ? [1] : flat.shape;
  let shape: readonly number[];
  if (batched && fits(flat.shape.slice(1))) shape = flat.shape;
  else if (fits(item)) shape = batched ? [1, ...item] : item;
  else {
    const wanted = batched ? `[${dims}], or [batch,${dims}]` : `[${dims}]`;
    throw new ConchError('FILE_INVALID', `${name}: expected shape ${wanted}, got [${flat.shape}]`);
  }
  const elements = flat.elements.map((element, index) => checkElement(datatype, element, `${name}, element ${index}`));
  if (datatype === 'BYTES') return stringTensor(name, shape, elements as string[]);
  const { array } = datatypes[datatype];
  if (datatype === 'FP16')
    return createTensor(name, datatype, shape, Uint16Array.from(elements as number[], numberToHalf));
  if (datatype === 'BF16') {
    return createTensor(name, datatype, shape, Uint16Array.from(elements as number[], numberToBfloat16));
  }
  return createTensor(name, datatype, shape, new array(elements as never));
}

function checkElement(datatype: Datatype, element: Leaf, path: string): number | bigint | string {
  const no = (expected: string) =>
    new ConchError('FILE_INVALID', `${path}: expected ${expected} (${datatype}), got ${JSON.stringify(element)}`);
  if (datatype === 'BYTES') {
    if (typeof element === 'string') return element;
    throw no('a text');
  }
  if (datatype === 'BOOL') {
    if (typeof element === 'boolean') return Number(element);
    throw no('true or false');
  }
  if (typeof element !== 'number' || !Number.isFinite(element)) throw no('a finite number');
  if (!datatype.includes('INT')) return element;
  if (!Number.isSafeInteger(element)) throw no('an integer below 2^53');
  const { size } = datatypes[datatype];
  const signed = datatype.startsWith('INT');
  const low = signed ? -(2 ** (size * 8 - 1)) : 0;
  const high = signed ? 2 ** (size * 8 - 1) : 2 ** (size * 8);
  if (element < low || element >= high) throw no('an integer in range');
  return size === 8 ? BigInt(element) : element;
}

/** An output tensor's elements: numbers (INT64 rounded beyond 2^53), texts, booleans as 0 and 1. */
export function elementsOf(tensor: Tensor): readonly (number | string)[] {
  const { datatype, data } = tensor;
  if (datatype === 'BYTES') return decodeStrings(data as Uint8Array);
  if (datatype === 'FP16') return Array.from(data as Uint16Array, halfToNumber);
  if (datatype === 'BF16') return Array.from(data as Uint16Array, bfloat16ToNumber);
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** Whether an expected value of shape `expected` can be compared with an output of shape `got` (leading 1 optional). */
export function sameShape(expected: readonly number[], got: readonly number[], batched: boolean): boolean {
  const equal = (a: readonly number[], b: readonly number[]) =>
    a.length === b.length && a.every((dim, at) => dim === b[at]);
  if (equal(expected, got)) return true;
  if (expected.length === 0) return elementCount(got) === 1;
  return batched && equal([1, ...expected], got);
}
