import type { Value } from '../../../onnx/index.ts';
import type { Building } from '../architecture.ts';
import type { Activation } from './activation.ts';
import { type AttentionLayers, additiveMask, selfAttention } from './attention.ts';
import { feedForward } from './linear.ts';
import { layerNorm } from './normalisation.ts';

/** What a family calls the parts of a layer, after the layer's own name. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly up: string;
  readonly down: string;
  readonly outputNorm: string;
}

/** BERT's names, which RoBERTa, ELECTRA and others kept. */
const bertLayerNames: LayerNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

export interface LayerSizes {
  readonly hidden: number;
  readonly heads: number;
  readonly headSize: number;
  readonly wide: number;
  readonly epsilon: number;
  readonly activation: Activation;
}

export interface LayerOptions {
  readonly name: string;
  readonly names: LayerNames;
  readonly sizes: LayerSizes;
  /** Only each text's first token goes on, since nothing else reaches what is wanted: [batch, hidden]. */
  readonly firstTokenOnly: boolean;
  /** Added to attention scores, the mask last; those of the first query with `firstTokenOnly`. */
  readonly biases: readonly Value[];
  /** Another attention than `selfAttention`, for all tokens or with `firstTokenOnly` for the first: output projected. */
  readonly attention?: (hidden: Value, layers: AttentionLayers) => Value;
}

/** One layer of BERT's kind, normalised after attention and after the feed-forward: [tokens, hidden] in and out. */
export function encoderLayer(building: Building, hidden: Value, options: LayerOptions): Value {
  const { graph, weights, tokens } = building;
  const { name, names, sizes, firstTokenOnly, biases } = options;
  const { hidden: size, wide, heads, headSize, epsilon, activation } = sizes;
  const layer = (part: keyof LayerNames, inputs: number, outputs: number, because: string) =>
    weights.linear(`${name}.${names[part]}`, inputs, outputs, because);
  const inner = heads * headSize;
  const square = `hidden_size ${size}`;
  const widened = `intermediate_size ${wide}, hidden_size ${size}`;
  const layers = {
    query: layer('query', size, inner, square),
    key: layer('key', size, inner, square),
    value: layer('value', size, inner, square),
    output: layer('output', inner, size, square),
  };
  const feed = { up: layer('up', size, wide, widened), down: layer('down', wide, size, widened), activation };
  const addAndNorm = (value: Value, before: Value, part: 'attentionNorm' | 'outputNorm') => {
    const sum = graph.node('Add', [value, before], {}, { name: 'residual' });
    return layerNorm(graph, weights, sum, { name: `${name}.${names[part]}`, size, epsilon });
  };
  return graph.scope(name, () => {
    const attended = graph.scope('attention', () => {
      const before = firstTokenOnly ? tokens.first(hidden, size) : hidden;
      const value =
        options.attention?.(hidden, layers) ??
        selfAttention(building, hidden, layers, { heads, headSize, biases, firstTokenOnly });
      return addAndNorm(value, before, 'attentionNorm');
    });
    return addAndNorm(feedForward(graph, attended, feed), attended, 'outputNorm');
  });
}

export interface StackOptions {
  readonly layers: number;
  /** What stands before a layer's number, e.g. `encoder.layer`. */
  readonly prefix: string;
  readonly names: LayerNames;
  readonly sizes: LayerSizes;
  readonly firstTokenOnly: boolean;
  /** Added to attention scores in every layer; the argument says whether only for the first query. */
  readonly biases: (firstQueryOnly: boolean) => readonly Value[];
}

/** All layers of an encoder one after the other; with `firstTokenOnly` the last gives [batch, hidden]. */
export function encoderLayers(building: Building, embedded: Value, options: StackOptions): Value {
  const { layers, prefix, names, sizes } = options;
  let hidden = embedded;
  for (let index = 0; index < layers; index++) {
    const firstTokenOnly = options.firstTokenOnly && index === layers - 1;
    const biases = options.biases(firstTokenOnly);
    hidden = encoderLayer(building, hidden, { name: `${prefix}.${index}`, names, sizes, firstTokenOnly, biases });
  }
  return hidden;
}

/** The layers of BERT and of what is built and named like it: scores hang on nothing but the padding. */
export function bertLayers(
  building: Building,
  embedded: Value,
  { layers, sizes, firstTokenOnly }: Pick<StackOptions, 'layers' | 'sizes' | 'firstTokenOnly'>,
): Value {
  const mask = additiveMask(building.graph, building.tokens.mask, building.tokens.beyond);
  const biases = () => [mask];
  return encoderLayers(building, embedded, {
    layers,
    prefix: 'encoder.layer',
    names: bertLayerNames,
    sizes,
    firstTokenOnly,
    biases,
  });
}
