import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { linear } from './linear.ts';
import type { Tokens } from './tokens.ts';
import type { Linear } from './weights.ts';

export interface AttentionLayers {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
}

/** The lowest FP32 number, as transformers masks with. */
const lowest = -3.4028234663852886e38;

/**
 * What is added to attention scores: 0 where `mask` [batch, sequence] is 1, the lowest float where it is 0; of shape
 * [batch, 1, 1, sequence]. Not minus infinity: a row that is all padding averages instead of becoming NaN.
 */
export function additiveMask(graph: GraphBuilder, mask: Value): Value {
  return graph.scope('mask', () => {
    const broad = graph.node('Unsqueeze', [mask, graph.integers([1, 2])]);
    const floats = graph.node('Cast', [broad], { to: { int: 1 } }, { datatype: 'FP32' });
    return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), floats]), graph.scalar(lowest)]);
  });
}

/**
 * Multi-head self-attention of `hidden` [tokens, size] under `mask` from `additiveMask`, output projection included:
 * [tokens, size]. Only scores and weighted sums see the texts apart, as [batch, heads, sequence, ...].
 */
export function selfAttention(
  graph: GraphBuilder,
  hidden: Value,
  mask: Value,
  tokens: Tokens,
  layers: AttentionLayers,
  { heads, headSize }: { heads: number; headSize: number },
): Value {
  const project = (name: string, layer: Linear, order: readonly number[]) =>
    graph.scope(name, () => {
      const apart = tokens.apart(linear(graph, hidden, layer), [heads, headSize]);
      return graph.node('Transpose', [apart], { perm: { ints: order } });
    });
  const query = project('query', layers.query, [0, 2, 1, 3]);
  const key = project('key', layers.key, [0, 2, 3, 1]);
  const value = project('value', layers.value, [0, 2, 1, 3]);
  const scores = graph.node('MatMul', [query, key], {}, { name: 'scores' });
  const scaled = graph.node('Div', [scores, graph.scalar(Math.sqrt(headSize))], {}, { name: 'scaled' });
  const masked = graph.node('Add', [scaled, mask], {}, { name: 'masked' });
  const shares = graph.node('Softmax', [masked], { axis: { int: -1 } });
  const context = graph.node('MatMul', [shares, value], {}, { name: 'context' });
  const merged = tokens.together(
    graph.node('Transpose', [context], { perm: { ints: [0, 2, 1, 3] } }),
    heads * headSize,
  );
  return linear(graph, merged, layers.output, 'output');
}
