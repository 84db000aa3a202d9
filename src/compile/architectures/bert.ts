import { z } from 'zod';
import { ConchError } from '../../base/index.ts';
import { type Checkpoint, checkConfig } from '../../checkpoint/index.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import { checkActivation } from './activation.ts';
import { type Architecture, padded } from './architecture.ts';
import { additiveMask, selfAttention } from './attention.ts';
import { sumOfEmbeddings } from './embeddings.ts';
import { feedForward, linear, pool } from './linear.ts';
import { layerNorm } from './normalisation.ts';
import { Tokens } from './tokens.ts';
import { Weights } from './weights.ts';

/** Fields of a BertConfig that shape the graph; defaults are those of transformers. */
const schema = z.looseObject({
  vocab_size: z.number().int().positive(),
  hidden_size: z.number().int().positive(),
  num_hidden_layers: z.number().int().positive(),
  num_attention_heads: z.number().int().positive(),
  intermediate_size: z.number().int().positive(),
  max_position_embeddings: z.number().int().positive(),
  type_vocab_size: z.number().int().positive().default(2),
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().nullish(),
  add_cross_attention: z.boolean().nullish(),
  pruned_heads: z.record(z.string(), z.array(z.number())).nullish(),
  quantization_config: z.unknown().optional(),
});
type BertConfig = z.infer<typeof schema>;

/** What the parts of one model's graph are built with. */
interface Building {
  readonly graph: GraphBuilder;
  readonly weights: Weights;
  readonly config: BertConfig;
  readonly configFile: string;
  readonly tokens: Tokens;
}

/** BERT: absolute positions, normalisation after each block. BertModel gives hidden states, the classifier logits. */
export const bert: Architecture = {
  classes: ['BertForSequenceClassification', 'BertModel'],
  build(graph, checkpoint) {
    const { configFile } = checkpoint;
    const config = checkConfig(schema, checkpoint.config, configFile);
    refuseSwitches(config, configFile);
    const { hidden_size, max_position_embeddings: maxLength } = config;
    // BertModel saved alone has no prefix; one taken out of a checkpoint with a head may have kept it.
    const prefix = checkpoint.tensors.has('bert.embeddings.word_embeddings.weight') ? 'bert.' : '';
    const weights = new Weights(graph, checkpoint, checkpoint.dir, prefix);
    const ids = graph.input('input_ids', 'INT64', padded);
    const attentionMask = graph.input('attention_mask', 'INT64', padded);
    const types = graph.input('token_type_ids', 'INT64', padded);
    const building: Building = { graph, weights, config, configFile, tokens: new Tokens(graph, ids) };
    const classifies = checkpoint.architecture === 'BertForSequenceClassification';

    let hidden = graph.scope('embeddings', () => embeddings(building, ids, types));
    const mask = additiveMask(graph, attentionMask);
    for (let index = 0; index < config.num_hidden_layers; index++) {
      const firstTokenOnly = classifies && index === config.num_hidden_layers - 1;
      hidden = encoderLayer(building, `encoder.layer.${index}`, hidden, mask, firstTokenOnly);
    }
    if (!classifies) {
      const output = building.tokens.apart(hidden, [hidden_size]);
      graph.output('last_hidden_state', output, [...padded, hidden_size]);
      return { maxLength, parameters: weights.parameters };
    }
    const labels = labelsOf(checkpoint);
    const head = new Weights(graph, checkpoint, checkpoint.dir);
    const pooler = weights.linear('pooler.dense', hidden_size, hidden_size, size(config));
    const classifier = head.linear('classifier', hidden_size, labels.length, `${labels.length} labels`);
    const logits = linear(graph, pool(graph, hidden, pooler), classifier, 'classifier');
    graph.output('logits', logits, ['batch', labels.length]);
    return { maxLength, parameters: weights.parameters + head.parameters, labels };
  },
};

function embeddings({ graph, weights, config, tokens }: Building, ids: Value, types: Value): Value {
  const { vocab_size, type_vocab_size, max_position_embeddings, hidden_size, layer_norm_eps: epsilon } = config;
  const table = (name: string, rows: number, because: string) =>
    weights.tensor(`embeddings.${name}.weight`, [rows, hidden_size], because);
  const words = table('word_embeddings', vocab_size, `vocab_size ${vocab_size}, ${size(config)}`);
  const kinds = table('token_type_embeddings', type_vocab_size, `type_vocab_size ${type_vocab_size}, ${size(config)}`);
  const reach = `max_position_embeddings ${max_position_embeddings}, ${size(config)}`;
  const places = table('position_embeddings', max_position_embeddings, reach);
  const lookUps = { words: { table: words, ids }, types: { table: kinds, ids: types } };
  const sum = sumOfEmbeddings(graph, tokens, { lookUps, places, size: hidden_size });
  return layerNorm(graph, weights, sum, { name: 'embeddings.LayerNorm', size: hidden_size, epsilon });
}

/**
 * One encoder layer. In a classifier's last one only each text's first token goes on after the attention, since
 * nothing else reaches the logits: that saves two thirds of the layer.
 */
function encoderLayer(
  { graph, weights, config, configFile, tokens }: Building,
  name: string,
  hidden: Value,
  mask: Value,
  firstTokenOnly: boolean,
): Value {
  const { hidden_size, intermediate_size, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
  const square = (part: string) => weights.linear(`${name}.attention.${part}`, hidden_size, hidden_size, size(config));
  const layers = {
    query: square('self.query'),
    key: square('self.key'),
    value: square('self.value'),
    output: square('output.dense'),
  };
  const wide = `intermediate_size ${intermediate_size}, ${size(config)}`;
  const feed = {
    up: weights.linear(`${name}.intermediate.dense`, hidden_size, intermediate_size, wide),
    down: weights.linear(`${name}.output.dense`, intermediate_size, hidden_size, wide),
    activation: checkActivation(config.hidden_act, 'hidden_act', configFile),
  };
  const addAndNorm = (value: Value, before: Value, part: string) => {
    const sum = graph.node('Add', [value, before], {}, { name: 'residual' });
    return layerNorm(graph, weights, sum, { name: `${name}.${part}.LayerNorm`, size: hidden_size, epsilon });
  };
  return graph.scope(name, () => {
    const attended = graph.scope('attention', () => {
      const shape = { heads, headSize: hidden_size / heads };
      return addAndNorm(selfAttention(graph, hidden, mask, tokens, layers, shape), hidden, 'attention.output');
    });
    const kept = firstTokenOnly ? tokens.first(attended, hidden_size) : attended;
    return addAndNorm(feedForward(graph, kept, feed), kept, 'output');
  });
}

function size(config: BertConfig): string {
  return `hidden_size ${config.hidden_size}`;
}

function labelsOf(checkpoint: Checkpoint): readonly string[] {
  if (checkpoint.labels.length > 0) return checkpoint.labels;
  // transformers' default where config.json says nothing; the classifier's own shape decides.
  const outputs = checkpoint.tensors.get('classifier.weight')?.shape[0] ?? 2;
  return Array.from({ length: outputs }, (_, index) => `LABEL_${index}`);
}

/** Switches that change the numbers and that this graph does not have. */
function refuseSwitches(config: BertConfig, file: string): void {
  const refuse = (field: keyof BertConfig & string, why: string): never => {
    throw new ConchError('CHECKPOINT_UNSUPPORTED', `${file}: ${field} ${JSON.stringify(config[field])}: ${why}`, {
      where: { file, path: field },
    });
  };
  const positionType = config.position_embedding_type ?? 'absolute';
  if (positionType !== 'absolute') refuse('position_embedding_type', 'only absolute positions can be compiled');
  if (config.is_decoder) refuse('is_decoder', 'decoders cannot be compiled, only encoders');
  if (config.add_cross_attention) refuse('add_cross_attention', 'cross attention cannot be compiled');
  if (Object.keys(config.pruned_heads ?? {}).length > 0) refuse('pruned_heads', 'pruned heads cannot be compiled');
  if (config.quantization_config) refuse('quantization_config', 'quantised weights cannot be compiled');
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new ConchError(
      'CHECKPOINT_INVALID',
      `${file}: hidden_size ${config.hidden_size} is not a multiple of num_attention_heads ${config.num_attention_heads}`,
      { where: { file, path: 'num_attention_heads' } },
    );
  }
}
