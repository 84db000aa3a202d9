import { ConchError } from '../../base/index.ts';
import type { OutputRow } from '../infer.ts';

export type Pooling = 'mean' | 'cls';

export interface VectorOptions {
  /** Divide by the Euclidean length. */
  readonly normalize: boolean;
  /** Keep this many of the first elements, for models that are trained for it. */
  readonly dimensions?: number | undefined;
  /** How a vector for each token becomes one for the text. */
  readonly pooling: Pooling;
}

/**
 * The vector of a text from its row of outputs: as the model gives it, or pooled over the text's own `tokens` where the
 * row is [tokens, size], padding left out. Cut before it is normalised.
 */
export function vectorOf(
  { columns, index, tokens }: OutputRow & { readonly tokens?: number },
  output: string,
  { normalize, dimensions, pooling }: VectorOptions,
): number[] {
  const column = columns.find((one) => one.output.name === output);
  if (!column) throw new ConchError('EXECUTION_FAILED', `no output '${output}' in the answer`);
  const { elements, elementsPerItem, shape } = column;
  const start = index * elementsPerItem;
  const size = shape.at(-1)!;
  const length = Math.min(dimensions ?? size, size);
  const vector = new Array<number>(length).fill(0);
  const rows = shape.length === 1 || pooling === 'cls' ? 1 : Math.min(tokens ?? shape[0]!, shape[0]!);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < length; at++) vector[at]! += Number(elements[start + row * size + at]) / rows;
  }
  const squares = vector.reduce((sum, value) => sum + value * value, 0);
  if (!Number.isFinite(squares)) throw new ConchError('EXECUTION_FAILED', `output '${output}' is not finite`);
  if (!normalize || squares === 0) return vector;
  const norm = Math.sqrt(squares);
  return vector.map((value) => value / norm);
}
