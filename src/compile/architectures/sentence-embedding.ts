import type { GraphBuilder, Value } from '../../onnx/index.ts';
import type { Building, Encoder } from './architecture.ts';
import { type Activation, activation } from './blocks/activation.ts';
import { linear } from './blocks/linear.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { lowest } from './blocks/tokens.ts';
import { type TensorSource, Weights } from './blocks/weights.ts';

/** Ways to make one vector of a text's hidden states, by sentence-transformers' names. */
export const poolingModes = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'] as const;
export type PoolingMode = (typeof poolingModes)[number];

/** What follows the pooling. */
export type SentenceModule =
  | {
      readonly kind: 'dense';
      readonly source: TensorSource;
      readonly where: string;
      readonly inputs: number;
      readonly outputs: number;
      readonly bias: boolean;
      readonly activation: Activation;
    }
  | { readonly kind: 'norm'; readonly source: TensorSource; readonly where: string; readonly size: number }
  | { readonly kind: 'unit-length' };

/** What sentence-transformers puts behind an encoder (modules.json), read and checked by `readSentenceModules`. */
export interface SentenceModules {
  /** Vectors of several modes stand one after the other, in this order. */
  readonly pooling: readonly PoolingMode[];
  readonly modules: readonly SentenceModule[];
  /** `max_seq_length`, special tokens included. */
  readonly maxLength: number | undefined;
  /** Files that it was read from, relative to the checkpoint: inputs to hash. */
  readonly files: readonly string[];
}

/** The encoder's hidden states pooled, and through the modules behind: [batch, size]. */
export function sentenceEmbedding(
  building: Building,
  encoder: Encoder,
  { pooling, modules }: SentenceModules,
): { value: Value; size: number; parameters: number } {
  const { graph, tokens } = building;
  const firstTokenOnly = pooling.every((mode) => mode === 'cls');
  const hidden = encoder.hidden(building, firstTokenOnly);
  let size = encoder.hiddenSize * pooling.length;
  let value = graph.scope('pooling', () => {
    const first = () => (firstTokenOnly ? hidden : tokens.first(hidden, encoder.hiddenSize));
    const apart = firstTokenOnly ? hidden : tokens.apart(hidden, [encoder.hiddenSize]);
    const parts = pooling.map((mode) => (mode === 'cls' ? first() : pooled(building, apart, mode)));
    return parts.length === 1 ? parts[0]! : graph.node('Concat', parts, { axis: { int: 1 } });
  });
  let parameters = 0;
  for (const module of modules) {
    if (module.kind === 'unit-length') {
      value = graph.scope('normalize', () => unitLength(graph, value));
      continue;
    }
    const weights = new Weights(graph, module.source, module.where);
    const input = value;
    if (module.kind === 'dense') {
      const because = `in_features ${module.inputs}, out_features ${module.outputs}`;
      const { weight, bias } = weights.linear('linear', module.inputs, module.outputs, because, 'optional');
      const layer = { weight, bias: module.bias ? bias : undefined };
      value = graph.scope('dense', () => activation(graph, module.activation, linear(graph, input, layer)));
      size = module.outputs;
    } else {
      // torch's own epsilon, which sentence-transformers does not change.
      value = layerNorm(graph, weights, input, { name: 'norm', size: module.size, epsilon: 1e-5 });
    }
    parameters += weights.parameters;
  }
  return { value, size, parameters };
}

/** The mean over each text's tokens of `hidden` [tokens, size]: [batch, size]. */
export function meanOfTokens(building: Building, hidden: Value, size: number): Value {
  return building.graph.scope('pooling', () => pooled(building, building.tokens.apart(hidden, [size]), 'mean'));
}

/** `apart` [batch, sequence, size] over the tokens that are there: [batch, size]. */
function pooled({ graph, tokens }: Building, apart: Value, mode: Exclude<PoolingMode, 'cls'>): Value {
  const axis = graph.integers([1]);
  const mask = toFloat(graph, graph.node('Unsqueeze', [tokens.mask, graph.integers([2])]));
  const total = (value: Value) => graph.node('ReduceSum', [value, axis], { keepdims: { int: 0 } });
  const weighted = (weights: Value) => total(graph.node('Mul', [apart, weights]));
  const atLeast = (value: Value) => graph.node('Max', [value, graph.scalar(1e-9)]);
  switch (mode) {
    case 'max': {
      const beyond = graph.node('Mul', [graph.node('Sub', [graph.scalar(1), mask]), graph.scalar(lowest)]);
      const masked = graph.node('Add', [graph.node('Mul', [apart, mask]), beyond]);
      return graph.node('ReduceMax', [masked, axis], { keepdims: { int: 0 } });
    }
    case 'mean':
      return graph.node('Div', [weighted(mask), atLeast(total(mask))]);
    case 'mean_sqrt_len_tokens':
      return graph.node('Div', [weighted(mask), graph.node('Sqrt', [atLeast(total(mask))])]);
    case 'weightedmean': {
      const weights = graph.node('Mul', [mask, toFloat(graph, column(graph, places(graph, tokens.longest)))]);
      return graph.node('Div', [weighted(weights), atLeast(total(weights))]);
    }
    case 'lasttoken': {
      const counted = graph.node('Mul', [tokens.mask, places(graph, tokens.longest)]);
      const last = graph.node('ReduceMax', [counted, axis], { keepdims: { int: 1 } });
      const isLast = graph.node('Equal', [counted, last], {}, { datatype: 'BOOL' });
      return weighted(graph.node('Mul', [column(graph, toFloat(graph, isLast)), mask]));
    }
  }
}

/** INT64 [1, sequence]: 1, 2, ... */
function places(graph: GraphBuilder, longest: Value): Value {
  const one = graph.constant('INT64', [], BigInt64Array.of(1n));
  const end = graph.node('Squeeze', [graph.node('Add', [longest, graph.integers([1])])]);
  const range = graph.node('Range', [one, end, one], {}, { datatype: 'INT64' });
  return graph.node('Unsqueeze', [range, graph.integers([0])]);
}

function column(graph: GraphBuilder, value: Value): Value {
  return graph.node('Unsqueeze', [value, graph.integers([2])]);
}

function toFloat(graph: GraphBuilder, value: Value): Value {
  return graph.node('Cast', [value], { to: { int: 1 } }, { datatype: 'FP32' });
}

/** torch.nn.functional.normalize. */
function unitLength(graph: GraphBuilder, value: Value): Value {
  const length = graph.node('ReduceL2', [value, graph.integers([1])], { keepdims: { int: 1 } });
  return graph.node('Div', [value, graph.node('Max', [length, graph.scalar(1e-12)])]);
}
