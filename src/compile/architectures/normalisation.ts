import type { GraphBuilder, Value } from '../../onnx/index.ts';
import type { Weights } from './weights.ts';

/**
 * Layer normalisation over the last axis with the tensors `<name>.weight` and `<name>.bias`, or `gamma` and `beta` as
 * checkpoints converted from TensorFlow (2018 to 2019) call them. The operator came with opset 17, which every target has.
 */
export function layerNorm(
  graph: GraphBuilder,
  weights: Weights,
  input: Value,
  { name, size, epsilon }: { name: string; size: number; epsilon: number },
): Value {
  const old = !weights.has(`${name}.weight`) && weights.has(`${name}.gamma`);
  const because = `hidden_size ${size}`;
  const scale = weights.tensor(`${name}.${old ? 'gamma' : 'weight'}`, [size], because);
  const bias = weights.tensor(`${name}.${old ? 'beta' : 'bias'}`, [size], because);
  return graph.node(
    'LayerNormalization',
    [input, scale, bias],
    { axis: { int: -1 }, epsilon: { float: epsilon } },
    { name: 'LayerNorm' },
  );
}
