import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { bertLayers } from './blocks/encoder-layer.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { encoderFields, refuseSwitches, sizesOf } from './config.ts';
import { classifier, denseHead } from './heads.ts';

/** Fields of a BertConfig that shape the graph. */
const schema = z.looseObject({
  ...encoderFields,
  type_vocab_size: z.number().int().positive().default(2),
});

/** BERT: absolute positions, normalisation after each block; a pooler of the first token in front of the classifier. */
export const bert: Architecture = {
  families: { bert: 'Bert' },
  prefix: 'bert.',
  open(checkpoint) {
    const config = checkConfig(schema, checkpoint.config, checkpoint.configFile);
    refuseSwitches(checkpoint);
    const { hidden_size: size, layer_norm_eps: epsilon } = config;
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
            size,
            words: config.vocab_size,
            types: config.type_vocab_size,
            positions: config.max_position_embeddings,
          });
          return layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size, epsilon });
        });
        return bertLayers(building, embedded, { layers: config.num_hidden_layers, sizes, firstTokenOnly });
      },
      classifyTexts(building, pooled, labels) {
        const dense = { name: 'pooler.dense', size, act: 'tanh', scope: 'pooler' } as const;
        return classifier(building, denseHead(building, building.weights, pooled, dense), 'classifier', size, labels);
      },
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', size, labels),
    };
  },
};
