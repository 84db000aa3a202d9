import { ConchError } from '../base/index.ts';
import type { InferenceResponse } from '../protocol/index.ts';
import { bfloat16ToNumber, decodeStrings, elementCount, halfToNumber, type Tensor } from '../tensor/index.ts';
import { isScalar, type ModelInterface, type TensorInterface } from './interface.ts';

/** A value as JSON can hold it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One item of an answer: a field for each output. */
export type ItemAnswer = Record<string, Json>;

/** A server's output that was checked against the model's interface: elements of all items, one item after another. */
export interface OutputColumn {
  readonly output: TensorInterface;
  /** Shape of one item. */
  readonly shape: readonly number[];
  readonly elementsPerItem: number;
  readonly elements: ArrayLike<number | bigint | string>;
}

/**
 * The outputs of a response to `count` items.
 * @throws EXECUTION_FAILED when an output is missing or its shape does not hold `count` items.
 */
export function readOutputs(model: ModelInterface, response: InferenceResponse, count: number): OutputColumn[] {
  return model.outputs.map((output) => {
    const tensor = response.outputs.find(({ name }) => name === output.name);
    if (!tensor) throw broken(model, `no output '${output.name}' in its answer`);
    const batched = model.maxBatchSize > 0;
    const shape = batched ? tensor.shape.slice(1) : tensor.shape;
    const elements = elementsOf(tensor);
    const elementsPerItem = elementCount(shape);
    if ((batched && tensor.shape[0] !== count) || elements.length !== elementsPerItem * count) {
      const got = `shape [${tensor.shape}] with ${elements.length} elements`;
      throw broken(model, `output '${output.name}' of ${got} for ${count} ${count === 1 ? 'item' : 'items'}`);
    }
    return { output, shape, elementsPerItem, elements };
  });
}

function broken(model: ModelInterface, what: string): ConchError {
  return new ConchError('EXECUTION_FAILED', `model '${model.name}' gave ${what}`);
}

/** The elements of a tensor as numbers, bigints (INT64, UINT64) or texts. */
function elementsOf(tensor: Tensor): ArrayLike<number | bigint | string> {
  switch (tensor.datatype) {
    case 'BYTES':
      return decodeStrings(tensor.data as Uint8Array);
    case 'FP16':
      return Array.from(tensor.data as Uint16Array, halfToNumber);
    case 'BF16':
      return Array.from(tensor.data as Uint16Array, bfloat16ToNumber);
    default:
      return tensor.data;
  }
}

/** Output `column` of item `index` as JSON: nested lists, or the bare element where the model declares just one. */
export function toJson(column: OutputColumn, index: number): Json {
  const { output, shape, elementsPerItem } = column;
  const start = index * elementsPerItem;
  if (isScalar(output) && elementsPerItem === 1) return elementToJson(column, start);
  return nest(column, shape, 0, start);
}

function nest(column: OutputColumn, shape: readonly number[], level: number, start: number): Json {
  if (level === shape.length) return elementToJson(column, start);
  const stride = elementCount(shape.slice(level + 1));
  return Array.from({ length: shape[level]! }, (_, index) => nest(column, shape, level + 1, start + index * stride));
}

/** JSON has no NaN and infinities, and loses digits beyond 2^53: those become text, as in Protobuf's JSON form. */
function elementToJson({ output, elements }: OutputColumn, index: number): Json {
  const element = elements[index]!;
  if (output.datatype === 'BOOL') return element !== 0;
  if (typeof element === 'bigint') {
    return Number.isSafeInteger(Number(element)) ? Number(element) : element.toString();
  }
  return typeof element === 'number' && !Number.isFinite(element) ? String(element) : element;
}
