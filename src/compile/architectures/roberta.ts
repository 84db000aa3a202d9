import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { bertLayers } from './blocks/encoder-layer.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { encoderFields, refuseSwitches, sizesOf } from './config.ts';
import { classifier, denseThenProjection } from './heads.ts';

/** Fields of a RobertaConfig that shape the graph. */
const schema = z.looseObject({
  ...encoderFields,
  type_vocab_size: z.number().int().positive().default(2),
  pad_token_id: z.number().int().min(0).default(1),
});

/** RoBERTa: BERT whose positions are counted over tokens that are no padding, from behind the padding's id on. */
export const roberta: Architecture = {
  families: { roberta: 'Roberta', 'xlm-roberta': 'XLMRoberta', camembert: 'Camembert' },
  prefix: 'roberta.',
  open(checkpoint) {
    const config = checkConfig(schema, checkpoint.config, checkpoint.configFile);
    refuseSwitches(checkpoint);
    const { hidden_size: size, layer_norm_eps: epsilon, pad_token_id: padId } = config;
    const sizes = sizesOf(checkpoint, config);
    return {
      hiddenSize: size,
      maxLength: config.max_position_embeddings - padId - 1,
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
            padId,
          });
          return layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size, epsilon });
        });
        return bertLayers(building, embedded, { layers: config.num_hidden_layers, sizes, firstTokenOnly });
      },
      classifyTexts: (building, pooled, labels) => denseThenProjection(building, pooled, size, 'tanh', labels),
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', size, labels),
    };
  },
};
