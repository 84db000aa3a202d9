import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { linear } from './linear.ts';
import type { Linear } from './weights.ts';

/** BERT's pooler on the first token's hidden state [batch, size]: a linear layer and tanh. */
export function pool(graph: GraphBuilder, first: Value, pooler: Linear): Value {
  return graph.scope('pooler', () => graph.node('Tanh', [linear(graph, first, pooler)]));
}
