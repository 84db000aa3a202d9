import type { GraphBuilder, Value } from '../../../onnx/index.ts';

/** What a distance between two tokens of a text becomes, for every distance that differs from the next one. */
export interface DistanceTable {
  /** Distances beyond this one, on either side, count as it does. */
  readonly farthest: number;
  /** For distances from -farthest to farthest. */
  readonly values: readonly number[];
}

/** `of` for every distance of `-farthest` to `farthest`. */
export function distanceTable(farthest: number, of: (distance: number) => number): DistanceTable {
  return { farthest, values: Array.from({ length: 2 * farthest + 1 }, (_, index) => of(index - farthest)) };
}

/** INT64 [sequence, sequence]: place of the query (row) minus place of the key (column), for texts of `longest` [1]. */
export function distances(graph: GraphBuilder, longest: Value): Value {
  const zero = graph.constant('INT64', [], BigInt64Array.of(0n));
  const one = graph.constant('INT64', [], BigInt64Array.of(1n));
  const end = graph.node('Squeeze', [longest, graph.integers([0])]);
  const places = graph.node('Range', [zero, end, one], {}, { datatype: 'INT64' });
  const rows = graph.node('Unsqueeze', [places, graph.integers([1])]);
  return graph.node('Sub', [rows, graph.node('Unsqueeze', [places, graph.integers([0])])], {}, { name: 'distances' });
}

/** What `table` has for each of `distances` [sequence, sequence]: INT64 of the same shape. */
export function lookUpDistances(graph: GraphBuilder, between: Value, { farthest, values }: DistanceTable): Value {
  const bounded = graph.node('Clip', [between, scalar(graph, -farthest), scalar(graph, farthest)]);
  const index = graph.node('Add', [bounded, graph.integers([farthest])]);
  return graph.node('Gather', [graph.integers(values), index], { axis: { int: 0 } }, { name: 'buckets' });
}

function scalar(graph: GraphBuilder, value: number): Value {
  return graph.constant('INT64', [], BigInt64Array.of(BigInt(value)));
}

const f = Math.fround;

/**
 * T5's and MPNet's buckets, by key minus query: half for either side, of those one half exact and the other logarithmic
 * up to a distance of 128. Computed in single precision, as PyTorch does: at powers of two the rounding decides.
 */
export function logarithmicBucket(keyMinusQuery: number, buckets: number): number {
  const half = Math.floor(buckets / 2);
  const exact = Math.floor(half / 2);
  const distance = Math.abs(keyMinusQuery);
  const side = keyMinusQuery > 0 ? half : 0;
  if (distance < exact) return side + distance;
  const share = f(f(Math.log(f(distance / exact))) / f(Math.log(128 / exact)));
  return side + Math.min(half - 1, exact + Math.trunc(f(share * (half - exact))));
}

/**
 * DeBERTa's buckets, by query minus key: exact within half of `buckets`, logarithmic up to `most` beyond. In single
 * precision, as PyTorch does.
 */
export function debertaBucket(queryMinusKey: number, buckets: number, most: number): number {
  const middle = Math.floor(buckets / 2);
  const distance = Math.abs(queryMinusKey);
  if (distance <= middle) return queryMinusKey;
  const share = f(f(Math.log(f(distance / middle))) / f(Math.log(f((most - 1) / middle))));
  return Math.sign(queryMinusKey) * (Math.ceil(f(share * (middle - 1))) + middle);
}
