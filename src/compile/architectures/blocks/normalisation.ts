import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import type { Weights } from './weights.ts';

export interface Norm {
  readonly name: string;
  readonly size: number;
  readonly epsilon: number;
  /** Whether there is a tensor to add; true unless given. */
  readonly bias?: boolean;
}

/**
 * Layer normalisation over the last axis with the tensors `<name>.weight` and `<name>.bias`. The operator came with opset
 * 17, which every target has.
 */
export function layerNorm(graph: GraphBuilder, weights: Weights, input: Value, norm: Norm): Value {
  const { name, size, epsilon, bias = true } = norm;
  const because = `hidden_size ${size}`;
  const scale = weights.tensor(`${name}.weight`, [size], because);
  // Zeros rather than nothing: fusions of ONNX Runtime 1.16 read the bias without asking, and end the process.
  const shift = bias
    ? weights.tensor(`${name}.bias`, [size], because)
    : graph.constant('FP32', [size], new Float32Array(size));
  return graph.node(
    'LayerNormalization',
    [input, scale, shift],
    { axis: { int: -1 }, epsilon: { float: epsilon } },
    { name: 'LayerNorm' },
  );
}
