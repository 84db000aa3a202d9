import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { bertLayers } from './blocks/encoder-layer.ts';
import { linear } from './blocks/linear.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { encoderFields, refuseSwitches, sizesOf } from './config.ts';
import { classifier, denseThenProjection } from './heads.ts';

/** Fields of an ElectraConfig that shape the graph. */
const schema = z.looseObject({
  ...encoderFields,
  embedding_size: z.number().int().positive().default(128),
  type_vocab_size: z.number().int().positive().default(2),
});

/** ELECTRA's discriminator: BERT with smaller embeddings that are widened, and a GELU layer before the classifier. */
export const electra: Architecture = {
  families: { electra: 'Electra' },
  prefix: 'electra.',
  open(checkpoint) {
    const config = checkConfig(schema, checkpoint.config, checkpoint.configFile);
    refuseSwitches(checkpoint);
    const { hidden_size: size, embedding_size: narrow, layer_norm_eps: epsilon } = config;
    const sizes = sizesOf(checkpoint, config);
    return {
      hiddenSize: size,
      maxLength: config.max_position_embeddings,
      takesTypes: config.type_vocab_size > 1,
      classifierPooling: 'first',
      hidden(building, firstTokenOnly) {
        const { graph, weights } = building;
        const embedded = graph.scope('embeddings', () => {
          const sum = bertEmbeddings(building, {
            size: narrow,
            words: config.vocab_size,
            types: config.type_vocab_size,
            positions: config.max_position_embeddings,
          });
          const normed = layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size: narrow, epsilon });
          if (narrow === size) return normed;
          const because = `embedding_size ${narrow}, hidden_size ${size}`;
          return linear(graph, normed, weights.linear('embeddings_project', narrow, size, because), 'project');
        });
        return bertLayers(building, embedded, { layers: config.num_hidden_layers, sizes, firstTokenOnly });
      },
      // Always the exact GELU, whatever hidden_act says.
      classifyTexts: (building, pooled, labels) => denseThenProjection(building, pooled, size, 'gelu', labels),
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', size, labels),
    };
  },
};
