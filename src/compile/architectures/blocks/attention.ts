import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import type { Building } from '../architecture.ts';
import { linear } from './linear.ts';
import { lowest, type Tokens } from './tokens.ts';
import type { Linear } from './weights.ts';

export interface AttentionLayers {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
}

export interface Heads {
  readonly heads: number;
  readonly headSize: number;
}

/**
 * What is added to attention scores: 0 where `mask` [batch, sequence] is 1, `beyond` where it is 0; of shape
 * [batch, 1, 1, sequence]. Not minus infinity: a row that is all padding averages instead of becoming NaN.
 */
export function additiveMask(graph: GraphBuilder, mask: Value, beyond = lowest): Value {
  return graph.scope('mask', () => {
    const broad = graph.node('Unsqueeze', [mask, graph.integers([1, 2])]);
    const floats = graph.node('Cast', [broad], { to: { int: 1 } }, { datatype: 'FP32' });
    return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), floats]), graph.scalar(beyond)]);
  });
}

/** Texts apart, [batch, sequence, heads, headSize], as one matrix a head and text: [batch, heads, sequence, headSize]. */
export function perHead(graph: GraphBuilder, apart: Value): Value {
  return graph.node('Transpose', [apart], { perm: { ints: [0, 2, 1, 3] } });
}

/** The same turned, as keys are needed: [batch, heads, headSize, sequence]. */
export function turnedPerHead(graph: GraphBuilder, apart: Value): Value {
  return graph.node('Transpose', [apart], { perm: { ints: [0, 2, 3, 1] } });
}

/** The first tokens alone, [batch, heads * headSize], in the same way: [batch, heads, 1, headSize]. */
export function firstPerHead(graph: GraphBuilder, first: Value, { heads, headSize }: Heads): Value {
  return graph.node('Reshape', [first, graph.integers([0, heads, 1, headSize])]);
}

/** [batch, heads, sequence, headSize] back to [tokens, heads * headSize]. */
export function together(graph: GraphBuilder, tokens: Tokens, context: Value, { heads, headSize }: Heads): Value {
  return tokens.together(perHead(graph, context), heads * headSize);
}

/**
 * Scores of `query` and the turned `key` over `divisor`, with `biases` added one after the other (each of a shape that broadcasts to
 * [batch, heads, queries, sequence]), as shares of `value`: [batch, heads, queries, headSize].
 */
export function attend(
  graph: GraphBuilder,
  { query, key, value }: { query: Value; key: Value; value: Value },
  divisor: number,
  biases: readonly Value[],
): Value {
  const scores = graph.node('MatMul', [query, key], {}, { name: 'scores' });
  const scaled = graph.node('Div', [scores, graph.scalar(divisor)], {}, { name: 'scaled' });
  const masked = biases.reduce((sum, bias) => graph.node('Add', [sum, bias], {}, { name: 'masked' }), scaled);
  const shares = graph.node('Softmax', [masked], { axis: { int: -1 } });
  return graph.node('MatMul', [shares, value], {}, { name: 'context' });
}

/**
 * Multi-head self-attention of `hidden` [tokens, size], output projection included: [tokens, size], or with
 * `firstTokenOnly` [batch, size] for the first token of each text, which alone is then asked for. `biases` are added to
 * the scores, the mask last; with `firstTokenOnly` they must be those of the first query.
 */
export function selfAttention(
  building: Building,
  hidden: Value,
  layers: AttentionLayers,
  options: Heads & { readonly biases: readonly Value[]; readonly firstTokenOnly: boolean },
): Value {
  const { graph, tokens } = building;
  const { heads, headSize, biases, firstTokenOnly } = options;
  const size = heads * headSize;
  const project = (name: string, layer: Linear, order: typeof perHead) =>
    graph.scope(name, () => order(graph, tokens.apart(linear(graph, hidden, layer), [heads, headSize])));
  const query = firstTokenOnly
    ? graph.scope('query', () => {
        const first = tokens.first(hidden, size);
        return firstPerHead(graph, linear(graph, first, layers.query), options);
      })
    : project('query', layers.query, perHead);
  const key = project('key', layers.key, turnedPerHead);
  const value = project('value', layers.value, perHead);
  const context = attend(graph, { query, key, value }, Math.sqrt(headSize), biases);
  const merged = firstTokenOnly
    ? graph.node('Reshape', [context, graph.integers([0, size])])
    : together(graph, tokens, context, options);
  return linear(graph, merged, layers.output, 'output');
}

/** Biases of [..., queries, sequence] for the first query only. */
export function ofFirstQuery(graph: GraphBuilder, bias: Value): Value {
  return graph.node('Slice', [bias, graph.integers([0]), graph.integers([1]), graph.integers([2])]);
}
