import { z } from 'zod';
import { checkConfig } from '../../checkpoint/index.ts';
import type { Value } from '../../onnx/index.ts';
import type { Architecture, Building } from './architecture.ts';
import { activation, checkActivation } from './blocks/activation.ts';
import { additiveMask } from './blocks/attention.ts';
import { disentangledAttention, type RelativePositions, relativePositions } from './blocks/disentangled-attention.ts';
import { bertEmbeddings } from './blocks/embeddings.ts';
import { encoderLayer, type LayerNames } from './blocks/encoder-layer.ts';
import { linear } from './blocks/linear.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { encoderFields, refuse, refuseSwitches, sizesOf } from './config.ts';
import { classifier, denseHead } from './heads.ts';

const size = z.number().int().positive();

/** Fields of a DebertaV2Config that shape the graph; defaults are those of transformers. */
const schema = z.looseObject({
  ...encoderFields,
  layer_norm_eps: z.number().positive().default(1e-7),
  type_vocab_size: z.number().int().min(0).default(0),
  embedding_size: size.nullish(),
  attention_head_size: size.nullish(),
  position_biased_input: z.boolean().default(true),
  relative_attention: z.boolean().default(false),
  max_relative_positions: z.number().int().default(-1),
  position_buckets: z.number().int().default(-1),
  pos_att_type: z.union([z.string(), z.array(z.string())]).nullish(),
  share_att_key: z.boolean().default(false),
  norm_rel_ebd: z.string().default('none'),
  conv_kernel_size: z.number().int().min(0).default(0),
  conv_groups: size.default(1),
  conv_act: z.string().default('tanh'),
  pooler_hidden_act: z.string().default('gelu'),
  pooler_hidden_size: size.nullish(),
});
type DebertaConfig = z.infer<typeof schema>;

const names: LayerNames = {
  query: 'attention.self.query_proj',
  key: 'attention.self.key_proj',
  value: 'attention.self.value_proj',
  output: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  outputNorm: 'output.LayerNorm',
};

/**
 * DeBERTa v2 and v3: what tokens are and how far they are apart meet in attention (disentangled attention); a layer on
 * the first token in front of the classifier; in the large v2 models a convolution beside the first layer.
 */
export const debertaV2: Architecture = {
  families: { 'deberta-v2': 'DebertaV2' },
  prefix: 'deberta.',
  open(checkpoint) {
    const { configFile } = checkpoint;
    const config = checkConfig(schema, checkpoint.config, configFile);
    refuseSwitches(checkpoint);
    const { hidden_size: hiddenSize, layer_norm_eps: epsilon, num_hidden_layers: layers } = config;
    const sizes = {
      ...sizesOf(checkpoint, config),
      ...(config.attention_head_size && { headSize: config.attention_head_size }),
    };
    const types = [config.pos_att_type ?? []].flat().flatMap((type) => type.toLowerCase().split('|'));
    const ways = types.map((type) => type.trim()).filter(Boolean);
    const strange = ways.find((way) => way !== 'c2p' && way !== 'p2c');
    if (strange) refuse(checkpoint, 'pos_att_type', `'${strange}' cannot be compiled, only c2p and p2c`);
    const norms = config.norm_rel_ebd
      .toLowerCase()
      .split('|')
      .map((norm) => norm.trim());
    if (norms.some((norm) => norm !== 'layer_norm' && norm !== 'none'))
      refuse(checkpoint, 'norm_rel_ebd', 'only layer_norm and none can be compiled');
    if (config.conv_kernel_size > 0 && config.conv_kernel_size % 2 === 0)
      refuse(checkpoint, 'conv_kernel_size', 'only odd sizes keep the length of a text');
    const most = config.max_relative_positions < 1 ? config.max_position_embeddings : config.max_relative_positions;
    const half = Math.floor(config.position_buckets / 2);
    if (config.position_buckets > 0 && (half < 1 || most - 1 <= half))
      refuse(checkpoint, 'position_buckets', `the farthest distance, ${most}, must be beyond a half of them`);
    if ((config.pooler_hidden_size ?? hiddenSize) !== hiddenSize)
      refuse(checkpoint, 'pooler_hidden_size', `only hidden_size, ${hiddenSize}, can be compiled`);
    const poolerAct = checkActivation(config.pooler_hidden_act, 'pooler_hidden_act', configFile);
    const convAct = checkActivation(config.conv_act, 'conv_act', configFile);

    return {
      hiddenSize,
      maxLength: config.max_position_embeddings,
      takesTypes: config.type_vocab_size > 1,
      classifierPooling: 'first',
      hidden(building, firstTokenOnly) {
        const { graph, tokens, weights } = building;
        const embedded = graph.scope('embeddings', () => embeddings(building, config));
        const mask = additiveMask(graph, tokens.mask);
        const relative: RelativePositions = graph.scope('relative', () =>
          relativePositions(building, {
            ways: { c2p: ways.includes('c2p'), p2c: ways.includes('p2c') },
            attended: config.relative_attention,
            span: config.position_buckets > 0 ? config.position_buckets : most,
            most,
            buckets: config.position_buckets > 0 ? config.position_buckets : undefined,
            shared: config.share_att_key,
            size: hiddenSize,
            ...(norms.includes('layer_norm') && { norm: { name: 'encoder.LayerNorm', size: hiddenSize, epsilon } }),
          }),
        );
        const convolves = config.conv_kernel_size > 0;
        let hidden = embedded;
        for (let index = 0; index < layers; index++) {
          const name = `encoder.layer.${index}`;
          const convolvesHere = convolves && index === 0;
          const first = firstTokenOnly && index === layers - 1 && !convolvesHere;
          hidden = encoderLayer(building, hidden, {
            name,
            names,
            sizes,
            firstTokenOnly: first,
            biases: [mask],
            attention: (states, parts) =>
              disentangledAttention(building, states, parts, {
                name: `${name}.attention.self`,
                relative,
                sizes,
                mask,
                first,
              }),
          });
          if (!convolvesHere) continue;
          hidden = graph.scope('encoder.conv', () => {
            const beside = activation(graph, convAct, convolution(building, embedded, config));
            const sum = graph.node('Add', [hidden, beside], {}, { name: 'residual' });
            return layerNorm(graph, weights, sum, { name: 'encoder.conv.LayerNorm', size: hiddenSize, epsilon });
          });
          if (firstTokenOnly && layers === 1) hidden = tokens.first(hidden, hiddenSize);
        }
        return hidden;
      },
      classifyTexts(building, pooled, labels) {
        const dense = { name: 'pooler.dense', size: hiddenSize, act: poolerAct, scope: 'pooler' };
        return classifier(
          building,
          denseHead(building, building.head, pooled, dense),
          'classifier',
          hiddenSize,
          labels,
        );
      },
      classifyTokens: (building, hidden, labels) => classifier(building, hidden, 'classifier', hiddenSize, labels),
    };
  },
};

function embeddings(building: Building, config: DebertaConfig): Value {
  const { graph, weights } = building;
  const { hidden_size: wide, layer_norm_eps: epsilon } = config;
  const narrow = config.embedding_size ?? wide;
  const sum = bertEmbeddings(building, {
    size: narrow,
    words: config.vocab_size,
    types: config.type_vocab_size || null,
    positions: config.position_biased_input ? config.max_position_embeddings : null,
  });
  const because = `embedding_size ${narrow}, hidden_size ${wide}`;
  const projected =
    narrow === wide
      ? sum
      : linear(graph, sum, weights.linear('embeddings.embed_proj', narrow, wide, because, 'none'), 'embed_proj');
  return layerNorm(graph, weights, projected, { name: 'embeddings.LayerNorm', size: wide, epsilon });
}

/** Over the neighbours in each text, which is surrounded by zeros: [tokens, size] in and out. */
function convolution({ graph, tokens, weights }: Building, run: Value, config: DebertaConfig): Value {
  const { hidden_size: size, conv_kernel_size: kernel, conv_groups: groups } = config;
  const because = `conv_kernel_size ${kernel}, conv_groups ${groups}, hidden_size ${size}`;
  const weight = weights.tensor('encoder.conv.conv.weight', [size, size / groups, kernel], because);
  const bias = weights.tensor('encoder.conv.conv.bias', [size], because);
  const mask = graph.node('Cast', [tokens.mask], { to: { int: 1 } }, { datatype: 'FP32' });
  const inside = graph.node('Unsqueeze', [mask, graph.integers([2])]);
  const apart = graph.node('Mul', [tokens.apart(run, [size]), inside]);
  const channels = graph.node('Transpose', [apart], { perm: { ints: [0, 2, 1] } });
  const pad = (kernel - 1) / 2;
  const convolved = graph.node('Conv', [channels, weight, bias], {
    kernel_shape: { ints: [kernel] },
    pads: { ints: [pad, pad] },
    group: { int: groups },
  });
  return tokens.together(graph.node('Transpose', [convolved], { perm: { ints: [0, 2, 1] } }), size);
}
