import { ConchError } from '../base/index.ts';
import { elementCount, encodeBytes, type Tensor } from '../tensor/index.ts';

const countable = new Set('INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 FP32 FP64'.split(' '));
/** Triton's bound on the elements that it sorts. */
const maxElements = 1_000_000;

export interface ClassificationOptions {
  /** How many of the highest classes to return; fewer where a row has fewer elements. */
  readonly count: number;
  /** Whether the tensor's first dimension is a batch of rows. */
  readonly batching: boolean;
  /** Names of the classes in order, from the output's label file. */
  readonly labels?: readonly string[] | undefined;
}

/**
 * Triton's classification extension: the tensor as BYTES elements `<value>:<index>[:<label>]`, highest value first,
 * equal values in the order of their index. Shape [batch, n] for batching models, else [n]. Throws REQUEST_INVALID for
 * types that have no order of classes and for tensors beyond a million elements a row.
 */
export function classify(tensor: Tensor, options: ClassificationOptions): Tensor {
  const { name, datatype, shape } = tensor;
  if (!countable.has(datatype)) {
    throw new ConchError('REQUEST_INVALID', `output '${name}': classification is not available for ${datatype}`, {
      where: { path: name },
    });
  }
  const batch = options.batching && shape.length > 0 ? shape[0]! : 0;
  const rowLength = elementCount(batch > 0 ? shape.slice(1) : shape);
  if (rowLength > maxElements) {
    throw new ConchError(
      'REQUEST_INVALID',
      `output '${name}': classification sorts at most ${maxElements} elements, a row has ${rowLength}`,
      { where: { path: name } },
    );
  }
  const count = Math.min(options.count, rowLength);
  const values = tensor.data as ArrayLike<number>;
  const isFloat = datatype.startsWith('FP');
  const elements: string[] = [];
  for (let start = 0; start < Math.max(1, batch) * rowLength; start += rowLength) {
    for (const index of highest(values, start, rowLength, count)) {
      const value = values[start + index]!;
      const label = options.labels?.[index];
      elements.push(`${isFloat ? sixDecimals(value) : value}:${index}${label === undefined ? '' : `:${label}`}`);
    }
  }
  return { name, datatype: 'BYTES', shape: batch > 0 ? [batch, count] : [count], data: encodeBytes(elements) };
}

/** Indices of the `count` highest of `values[start, start + length)`, descending. NaN comes last. */
function highest(values: ArrayLike<number>, start: number, length: number, count: number): number[] {
  const precedes = (a: number, b: number): boolean => {
    const left = values[start + a]!;
    const right = values[start + b]!;
    return left > right || (Number.isNaN(right) && !Number.isNaN(left));
  };
  if (count > 64) {
    const all = Array.from({ length }, (_, index) => index);
    all.sort((a, b) => (precedes(a, b) ? -1 : precedes(b, a) ? 1 : a - b));
    return all.slice(0, count);
  }
  // Few are wanted: keep them sorted while passing over the row once.
  const best: number[] = [];
  for (let index = 0; index < length; index++) {
    if (best.length === count && !precedes(index, best[count - 1]!)) continue;
    let place = best.length;
    while (place > 0 && precedes(index, best[place - 1]!)) place--;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}

/** C's "%f", which Triton prints classes with: six decimals, exact ties to even. */
function sixDecimals(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return `${sign}inf`;
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.000000`;
  // toFixed rounds exact ties up. They are odd multiples of 2^-7, the only doubles whose seventh decimal is the last.
  const isTie = magnitude < 2 ** 40 && (magnitude * 128) % 2 === 1;
  const text = magnitude.toFixed(6);
  const digit = text.charCodeAt(text.length - 1) - 48;
  return sign + (isTie && digit % 2 === 1 ? `${text.slice(0, -1)}${digit - 1}` : text);
}
