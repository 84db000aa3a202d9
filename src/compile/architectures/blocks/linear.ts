import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import { type Activation, activation } from './activation.ts';
import type { Linear } from './weights.ts';

/**
 * `input` [tokens, in] through the layer: [tokens, out]. One Gemm on the weight as PyTorch stores it [out, in], bias
 * included. Measured on ONNX Runtime's CPU kernels (MiniLM, 4 x 128 tokens, one thread): 12 to 15 % faster as a whole
 * than MatMul, Add and the BiasGelu and SkipLayerNormalization nodes that the runtime would fuse them into.
 */
export function linear(graph: GraphBuilder, input: Value, layer: Linear, name = 'linear'): Value {
  return graph.node('Gemm', [input, layer.weight, layer.bias], { transB: { int: 1 } }, { name });
}

/** Up, activation, down: [tokens, hidden] to [tokens, hidden]. */
export function feedForward(
  graph: GraphBuilder,
  hidden: Value,
  { up, down, activation: name }: { up: Linear; down: Linear; activation: Activation },
): Value {
  return linear(graph, activation(graph, name, linear(graph, hidden, up, 'intermediate')), down, 'output');
}
