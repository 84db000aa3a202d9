import { ConchError } from '../../../base/index.ts';
import type { GraphBuilder, Value } from '../../../onnx/index.ts';

type Build = (graph: GraphBuilder, x: Value) => Value;

/** First opset with a Gelu operator. */
const geluOpset = 20;

/**
 * Element-wise functions by their name in config.json's `hidden_act` (transformers' ACT2FN), plus `identity`.
 * `gelu` is the exact, error-function form; `gelu_new`, `gelu_fast` and `gelu_pytorch_tanh` are the same tanh formula.
 */
const activations = {
  identity: (_graph, x) => x,
  linear: (_graph, x) => x,
  relu: (graph, x) => graph.node('Relu', [x]),
  gelu: exactGelu,
  gelu_python: exactGelu,
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  quick_gelu: (graph, x) => gated(graph, x, 1.702),
  silu: (graph, x) => gated(graph, x, 1),
  swish: (graph, x) => gated(graph, x, 1),
  mish: (graph, x) => graph.node('Mul', [x, graph.node('Tanh', [graph.node('Softplus', [x])])]),
  relu6: (graph, x) => graph.node('Clip', [x, graph.scalar(0), graph.scalar(6)]),
  leaky_relu: (graph, x) => graph.node('LeakyRelu', [x], { alpha: { float: 0.01 } }),
  tanh: (graph, x) => graph.node('Tanh', [x]),
  sigmoid: (graph, x) => graph.node('Sigmoid', [x]),
} as const satisfies Record<string, Build>;

export type Activation = keyof typeof activations;

export const activationNames = Object.keys(activations) as Activation[];

export function isActivation(name: string): name is Activation {
  return Object.hasOwn(activations, name);
}

/** `name` applied to `x`, in operators of the graph's opset. */
export function activation(graph: GraphBuilder, name: Activation, x: Value): Value {
  return graph.scope(name, () => activations[name](graph, x));
}

/** `name` when it is an activation that conch has; else CHECKPOINT_UNSUPPORTED naming `field` in `file`. */
export function checkActivation(name: string, field: string, file: string): Activation {
  if (isActivation(name)) return name;
  throw new ConchError('CHECKPOINT_UNSUPPORTED', `${file}: ${field} '${name}' cannot be compiled`, {
    where: { file, path: field },
    fix: `known are ${activationNames.join(', ')}`,
  });
}

/** x * 0.5 * (1 + erf(x / sqrt 2)), in the shape that ONNX Runtime recognises where Gelu is no operator yet. */
function exactGelu(graph: GraphBuilder, x: Value): Value {
  if (graph.opset >= geluOpset) return graph.node('Gelu', [x]);
  const erf = graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.SQRT2)])]);
  const sum = graph.node('Add', [erf, graph.scalar(1)]);
  return graph.node('Mul', [graph.node('Mul', [x, sum]), graph.scalar(0.5)]);
}

/** 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). */
function tanhGelu(graph: GraphBuilder, x: Value): Value {
  if (graph.opset >= geluOpset) return graph.node('Gelu', [x], { approximate: { string: 'tanh' } });
  const cube = graph.node('Mul', [graph.node('Mul', [x, x]), x]);
  const inner = graph.node('Add', [x, graph.node('Mul', [cube, graph.scalar(0.044715)])]);
  const tanh = graph.node('Tanh', [graph.node('Mul', [inner, graph.scalar(Math.sqrt(2 / Math.PI))])]);
  const half = graph.node('Mul', [x, graph.scalar(0.5)]);
  return graph.node('Mul', [half, graph.node('Add', [tanh, graph.scalar(1)])]);
}

/** x * sigmoid(factor * x). */
function gated(graph: GraphBuilder, x: Value, factor: number): Value {
  const inner = factor === 1 ? x : graph.node('Mul', [x, graph.scalar(factor)]);
  return graph.node('Mul', [x, graph.node('Sigmoid', [inner])]);
}
