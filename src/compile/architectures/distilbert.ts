import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { checkActivation } from './blocks/activation.ts';
import { additiveMask } from './blocks/attention.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { encoderLayers, type LayerNames } from './blocks/encoder-layer.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { headSizeOf, refuseSwitches } from './config.ts';
import { classifier, denseHead } from './heads.ts';

const size = z.number().int().positive();

/** A DistilBertConfig has names of its own; its sinusoidal positions are stored as a table like any other. */
const schema = z.looseObject({
  vocab_size: size,
  dim: size,
  n_layers: size,
  n_heads: size,
  hidden_dim: size,
  max_position_embeddings: size,
  activation: z.string().default('gelu'),
});

const names: LayerNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  output: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  up: 'ffn.lin1',
  down: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
};

/** Not in the configuration: transformers has it in the code. */
const epsilon = 1e-12;

/** DistilBERT: BERT without token types and pooler; a layer and ReLU in front of the classifier. */
export const distilbert: Architecture = {
  families: { distilbert: 'DistilBert' },
  prefix: 'distilbert.',
  open(checkpoint) {
    const config = checkConfig(schema, checkpoint.config, checkpoint.configFile);
    refuseSwitches(checkpoint);
    const { dim } = config;
    const sizes = {
      hidden: dim,
      heads: config.n_heads,
      headSize: headSizeOf(checkpoint, dim, config.n_heads, ['dim', 'n_heads']),
      wide: config.hidden_dim,
      epsilon,
      activation: checkActivation(config.activation, 'activation', checkpoint.configFile),
    };
    return {
      hiddenSize: dim,
      maxLength: config.max_position_embeddings,
      takesTypes: false,
      classifierPooling: 'first',
      hidden(building, firstTokenOnly) {
        const { graph, weights } = building;
        const embedded = graph.scope('embeddings', () => {
          const positions = config.max_position_embeddings;
          const sum = bertEmbeddings(building, { size: dim, words: config.vocab_size, types: null, positions });
          return layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size: dim, epsilon });
        });
        const mask = additiveMask(graph, building.tokens.mask, building.tokens.beyond);
        const biases = () => [mask];
        const prefix = 'transformer.layer';
        return encoderLayers(building, embedded, {
          layers: config.n_layers,
          prefix,
          names,
          sizes,
          firstTokenOnly,
          biases,
        });
      },
      classifyTexts(building, pooled, labels) {
        const dense = { name: 'pre_classifier', size: dim, act: 'relu', scope: 'pre_classifier' } as const;
        return classifier(building, denseHead(building, building.head, pooled, dense), 'classifier', dim, labels);
      },
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', dim, labels),
    };
  },
};
