import type { Value } from '../../onnx/index.ts';
import type { Building } from './architecture.ts';
import { type Activation, activation } from './blocks/activation.ts';
import { linear } from './blocks/linear.ts';
import type { Weights } from './blocks/weights.ts';

/** `<name>` on [rows, size]: [rows, labels]. */
export function classifier({ graph, head }: Building, input: Value, name: string, size: number, labels: number): Value {
  return linear(graph, input, head.linear(name, size, labels, `${labels} labels`), 'classifier');
}

/** A square layer and its activation in front of a classifier: [rows, size] in and out. */
export function denseHead(
  { graph }: Building,
  weights: Weights,
  input: Value,
  { name, size, act, scope }: { name: string; size: number; act: Activation; scope: string },
): Value {
  const dense = weights.linear(name, size, size, `hidden_size ${size}`);
  return graph.scope(scope, () => activation(graph, act, linear(graph, input, dense)));
}

/** RoBERTa's head, which ELECTRA took over: a dense layer of the head's own, then `out_proj`. */
export function denseThenProjection(
  building: Building,
  pooled: Value,
  size: number,
  act: Activation,
  labels: number,
): Value {
  const dense = { name: 'classifier.dense', size, act, scope: 'classifier' };
  return classifier(building, denseHead(building, building.head, pooled, dense), 'classifier.out_proj', size, labels);
}
