import type { Int64 } from '../config/index.ts';

type Dimension = number | string | undefined;

/** A tensor of a configuration as Triton sees it: `[batch, 3, -1]` for a model that batches, `[3, -1]` otherwise. */
export function shownShape(dims: readonly Int64[], batches: boolean): string {
  return `[${[...(batches ? ['batch'] : []), ...dims].join(', ')}]`;
}

/** A tensor of an ONNX file: the dimension that serves as batch is marked, `[batch=N, 3, seq]`; `?` is unknown. */
export function shownOnnxShape(shape: readonly Dimension[], batches: boolean): string {
  return `[${shape.map((one, index) => `${batches && index === 0 ? 'batch=' : ''}${one ?? '?'}`).join(', ')}]`;
}

/** Whether two shapes could be one, with -1 as a wildcard on either side. */
export function agree(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((one, at) => one === -1 || right[at] === -1 || one === right[at]);
}

/** An ONNX shape in the terms of a configuration: whatever is not a fixed number is -1. */
export function withWildcards(shape: readonly Dimension[]): number[] {
  return shape.map((one) => (typeof one === 'number' && one >= 0 ? one : -1));
}

/** How many elements a shape holds; undefined with a variable dimension in it. */
export function elementsOf(dims: readonly number[]): number | undefined {
  return dims.some((one) => one < 0) ? undefined : dims.reduce((product, one) => product * one, 1);
}

/**
 * The products of the runs of fixed dimensions between variable ones: `[2, 4, -1, 6]` gives `[8, 6]`. Two shapes hold
 * the same elements in the same order when these lists are equal (Triton's rule for `reshape`).
 */
export function fixedRuns(dims: readonly number[]): number[] {
  const runs = [1];
  for (const one of dims) {
    if (one === -1) runs.push(1);
    else runs[runs.length - 1]! *= one;
  }
  return runs;
}
