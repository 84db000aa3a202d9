import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Value } from '../../onnx/index.ts';
import type { Architecture, Building } from './architecture.ts';
import { additiveMask, ofFirstQuery } from './blocks/attention.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { encoderLayers, type LayerNames } from './blocks/encoder-layer.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { distances, distanceTable, logarithmicBucket, lookUpDistances } from './blocks/relative.ts';
import { encoderFields, refuse, refuseSwitches, sizesOf } from './config.ts';
import { classifier, denseHead } from './heads.ts';

/** Fields of an MPNetConfig that shape the graph. */
const schema = z.looseObject({
  ...encoderFields,
  relative_attention_num_buckets: z.number().int().positive().default(32),
});

const names: LayerNames = {
  query: 'attention.attn.q',
  key: 'attention.attn.k',
  value: 'attention.attn.v',
  output: 'attention.attn.o',
  attentionNorm: 'attention.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

/** Not in the configuration: transformers has both in the code. */
const padId = 1;
const buckets = 32;

/** MPNet: RoBERTa's positions, and a bias of the attention scores by the distance of two tokens, shared by all layers. */
export const mpnet: Architecture = {
  families: { mpnet: 'MPNet' },
  prefix: 'mpnet.',
  open(checkpoint) {
    const config = checkConfig(schema, checkpoint.config, checkpoint.configFile);
    refuseSwitches(checkpoint);
    if (config.relative_attention_num_buckets !== buckets)
      refuse(checkpoint, 'relative_attention_num_buckets', `only ${buckets}, which transformers computes with, can be`);
    const { hidden_size: size, layer_norm_eps: epsilon } = config;
    const sizes = sizesOf(checkpoint, config);
    return {
      hiddenSize: size,
      maxLength: config.max_position_embeddings - padId - 1,
      takesTypes: false,
      classifierPooling: 'first',
      hidden(building, firstTokenOnly) {
        const { graph, weights } = building;
        const embedded = graph.scope('embeddings', () => {
          const positions = config.max_position_embeddings;
          const sum = bertEmbeddings(building, { size, words: config.vocab_size, types: null, positions, padId });
          return layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size, epsilon });
        });
        const mask = additiveMask(graph, building.tokens.mask);
        const bias = graph.scope('position_bias', () => positionBias(building, sizes.heads));
        return encoderLayers(building, embedded, {
          layers: config.num_hidden_layers,
          prefix: 'encoder.layer',
          names,
          sizes,
          firstTokenOnly,
          biases: (firstOnly) => [firstOnly ? ofFirstQuery(graph, bias) : bias, mask],
        });
      },
      classifyTexts(building, pooled, labels) {
        const dense = { name: 'classifier.dense', size, act: 'tanh', scope: 'classifier' } as const;
        const made = denseHead(building, building.head, pooled, dense);
        return classifier(building, made, 'classifier.out_proj', size, labels);
      },
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', size, labels),
    };
  },
};

/** [1, heads, sequence, sequence]. */
function positionBias({ graph, weights, tokens }: Building, heads: number): Value {
  const shape = `relative_attention_num_buckets ${buckets}, num_attention_heads ${heads}`;
  const table = weights.tensor('encoder.relative_attention_bias.weight', [buckets, heads], shape);
  const bucketOf = distanceTable(128, (distance) => logarithmicBucket(-distance, buckets));
  const bucket = lookUpDistances(graph, distances(graph, tokens.longest), bucketOf);
  const values = graph.node('Gather', [table, bucket], { axis: { int: 0 } });
  const perHead = graph.node('Transpose', [values], { perm: { ints: [2, 0, 1] } });
  return graph.node('Unsqueeze', [perHead, graph.integers([0])]);
}
