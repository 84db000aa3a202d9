import type { Value } from '../../../onnx/index.ts';
import type { Building } from '../architecture.ts';
import {
  type AttentionLayers,
  attend,
  firstPerHead,
  type Heads,
  perHead,
  together,
  turnedPerHead,
} from './attention.ts';
import { linear } from './linear.ts';
import { layerNorm, type Norm } from './normalisation.ts';
import { debertaBucket, distances, distanceTable, lookUpDistances } from './relative.ts';
import type { Linear } from './weights.ts';

export interface RelativeOptions {
  /** Content looks at positions, positions look at content (`pos_att_type`). */
  readonly ways: { readonly c2p: boolean; readonly p2c: boolean };
  /** `relative_attention`: without it the ways only count for the scale. */
  readonly attended: boolean;
  /** Rows of the table for either direction. */
  readonly span: number;
  /** The farthest distance, `max_relative_positions`. */
  readonly most: number;
  /** Logarithmic buckets, `position_buckets`. */
  readonly buckets: number | undefined;
  /** Positions go through the layers' own query and key projections, `share_att_key`. */
  readonly shared: boolean;
  readonly size: number;
  /** Normalises the table, `norm_rel_ebd`. */
  readonly norm?: Norm;
}

/** What all layers share of the relative positions. */
export interface RelativePositions {
  readonly options: RelativeOptions;
  /** [2 * span, size]. */
  readonly table: Value | undefined;
  /** INT64 [sequence, sequence]: places in a query's scores of all positions, [queries * 2 * span] laid out. */
  readonly contentToPosition: Value | undefined;
  /** The same in a key's, [2 * span * sequence] laid out. */
  readonly positionToContent: Value | undefined;
}

/** Distances beyond this one, longer than any text, need not be told apart. */
const farthestTold = 65_536;

export function relativePositions(building: Building, options: RelativeOptions): RelativePositions {
  const { graph, tokens, weights } = building;
  const { ways, attended, span, most, buckets, size, norm } = options;
  if (!attended || !(ways.c2p || ways.p2c)) {
    return { options, table: undefined, contentToPosition: undefined, positionToContent: undefined };
  }
  const because = `${buckets ? 'position_buckets' : 'max_relative_positions'} ${span}, hidden_size ${size}`;
  const stored = weights.tensor('encoder.rel_embeddings.weight', [2 * span, size], because);
  const table = norm ? layerNorm(graph, weights, stored, norm) : stored;
  const bucket = (distance: number) => (buckets ? debertaBucket(distance, buckets, most) : distance);
  let farthest = 1;
  while (bucket(farthest) < span && farthest < farthestTold) farthest++;
  const rows = distanceTable(farthest, (distance) => Math.max(0, Math.min(2 * span - 1, bucket(distance) + span)));
  const row = lookUpDistances(graph, distances(graph, tokens.longest), rows);
  const zero = graph.constant('INT64', [], BigInt64Array.of(0n));
  const one = graph.constant('INT64', [], BigInt64Array.of(1n));
  const end = graph.node('Squeeze', [tokens.longest, graph.integers([0])]);
  const places = graph.node('Range', [zero, end, one], {}, { datatype: 'INT64' });
  const queries = graph.node('Unsqueeze', [places, graph.integers([1])]);
  const plus = (a: Value, b: Value) => graph.node('Add', [a, b]);
  const times = (a: Value, b: Value) => graph.node('Mul', [a, b]);
  return {
    options,
    table,
    contentToPosition: ways.c2p ? plus(times(queries, graph.integers([2 * span])), row) : undefined,
    positionToContent: ways.p2c ? plus(times(row, tokens.longest), places) : undefined,
  };
}

/**
 * Self-attention whose scores are content to content, content to position and position to content, each scaled by how
 * many there are; output projection included. [tokens, size], or with `first` [batch, size] for the first tokens.
 */
export function disentangledAttention(
  building: Building,
  hidden: Value,
  layers: AttentionLayers,
  options: { name: string; relative: RelativePositions; sizes: Heads; mask: Value; first: boolean },
): Value {
  const { graph, tokens, weights } = building;
  const { name, relative, sizes, mask, first } = options;
  const { heads, headSize } = sizes;
  const { ways, shared, size } = relative.options;
  const inner = heads * headSize;
  const split = (layer: Linear, order: typeof perHead) =>
    order(graph, tokens.apart(linear(graph, hidden, layer), [heads, headSize]));
  const query = graph.scope('query', () =>
    first
      ? firstPerHead(graph, linear(graph, tokens.first(hidden, size), layers.query), sizes)
      : split(layers.query, perHead),
  );
  const key = graph.scope('key', () => split(layers.key, turnedPerHead));
  const value = graph.scope('value', () => split(layers.value, perHead));
  const divisor = Math.sqrt(headSize * (1 + Number(ways.c2p) + Number(ways.p2c)));

  /** The table through a projection, one matrix a head: [heads, 2 * span, headSize], or turned. */
  const positions = (part: string, own: Linear, perm: readonly number[]) => {
    const layer = shared ? own : weights.linear(`${name}.${part}`, size, inner, `hidden_size ${size}`);
    const rows = linear(graph, relative.table!, layer, part);
    const split = graph.node('Reshape', [rows, graph.integers([-1, heads, headSize])]);
    return graph.node('Transpose', [split], { perm: { ints: perm } });
  };
  /** Scores of `left` and `right`, of each head's and text's the ones at `index`, scaled. */
  const picked = (left: Value, right: Value, index: Value) => {
    const scores = graph.node('MatMul', [left, right], {}, { name: 'position-scores' });
    const flat = graph.node('Reshape', [scores, graph.integers([0, 0, -1])]);
    const ofFirst = [graph.integers([0]), graph.integers([1]), graph.integers([0])];
    const asked = first ? graph.node('Slice', [index, ...ofFirst]) : index;
    const chosen = graph.node('Gather', [flat, asked], { axis: { int: 2 } });
    return graph.node('Div', [chosen, graph.scalar(divisor)]);
  };
  const biases: Value[] = [];
  if (relative.contentToPosition) {
    const right = positions('pos_key_proj', layers.key, [1, 2, 0]);
    biases.push(graph.scope('c2p', () => picked(query, right, relative.contentToPosition!)));
  }
  if (relative.positionToContent) {
    const left = positions('pos_query_proj', layers.query, [1, 0, 2]);
    biases.push(graph.scope('p2c', () => picked(left, key, relative.positionToContent!)));
  }
  const context = attend(graph, { query, key, value }, divisor, [...biases, mask]);
  const merged = first
    ? graph.node('Reshape', [context, graph.integers([0, inner])])
    : together(graph, tokens, context, sizes);
  return linear(graph, merged, layers.output, 'output');
}
