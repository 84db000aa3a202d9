import type { GraphBuilder, Value } from '../../../onnx/index.ts';

/** Cosines and sines of each place's angles, FP32 [sequence, 1, headSize / 2]. */
export interface Rotation {
  readonly cosines: Value;
  readonly sines: Value;
}

/**
 * Rotary positions (RoPE) with base `theta` for texts of `longest` [1]: computed in the graph, so that no length is too
 * long. Frequencies in single precision, as PyTorch has them.
 */
export function rotation(graph: GraphBuilder, longest: Value, headSize: number, theta: number): Rotation {
  const f = Math.fround;
  const frequencies = Float32Array.from({ length: headSize / 2 }, (_, index) =>
    f(1 / f(theta ** f((2 * index) / headSize))),
  );
  const zero = graph.constant('INT64', [], BigInt64Array.of(0n));
  const one = graph.constant('INT64', [], BigInt64Array.of(1n));
  const end = graph.node('Squeeze', [longest, graph.integers([0])]);
  const range = graph.node('Range', [zero, end, one], {}, { datatype: 'INT64' });
  const places = graph.node('Cast', [range], { to: { int: 1 } }, { datatype: 'FP32' });
  const column = graph.node('Unsqueeze', [places, graph.integers([1, 2])]);
  const angles = graph.node('Mul', [column, graph.constant('FP32', [headSize / 2], frequencies)]);
  return { cosines: graph.node('Cos', [angles]), sines: graph.node('Sin', [angles]) };
}

/** `value` [batch, sequence, heads, headSize] turned by its places' angles, the first half of a head with the second. */
export function rotate(graph: GraphBuilder, value: Value, { cosines, sines }: Rotation): Value {
  const halves = graph.nodeWithOutputs(2, 'Split', [value], { axis: { int: -1 }, num_outputs: { int: 2 } });
  const [first, second] = halves as [Value, Value];
  const times = (a: Value, b: Value) => graph.node('Mul', [a, b]);
  const turned = [
    graph.node('Sub', [times(first, cosines), times(second, sines)]),
    graph.node('Add', [times(second, cosines), times(first, sines)]),
  ];
  return graph.node('Concat', turned, { axis: { int: -1 } }, { name: 'rotated' });
}
