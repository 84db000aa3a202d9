import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { type Activation, activation } from './activation.ts';
import { linear } from './linear.ts';
import type { Linear } from './weights.ts';

/** Up, activation, down: [..., hidden] to [..., hidden]. */
export function feedForward(
  graph: GraphBuilder,
  hidden: Value,
  { up, down, activation: name }: { up: Linear; down: Linear; activation: Activation },
): Value {
  return linear(graph, activation(graph, name, linear(graph, hidden, up, 'intermediate')), down, 'output');
}
