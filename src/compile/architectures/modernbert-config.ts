import { z } from 'zod';
import type { Checkpoint } from '../../checkpoint/index.ts';
import { refuse } from './config.ts';

const size = z.number().int().positive();
export type LayerType = 'full_attention' | 'sliding_attention';

const rope = z.looseObject({
  rope_type: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().nullish(),
});

/** Fields of a ModernBertConfig that shape the graph; defaults are those of transformers. */
export const schema = z.looseObject({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  hidden_activation: z.string().default('gelu'),
  norm_eps: z.number().positive().default(1e-5),
  norm_bias: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  local_attention: z.number().int().min(0).default(128),
  layer_types: z.array(z.string()).nullish(),
  global_attn_every_n_layers: size.default(3),
  rope_parameters: z.looseObject({ full_attention: rope.nullish(), sliding_attention: rope.nullish() }).nullish(),
  global_rope_theta: z.number().positive().default(160_000),
  local_rope_theta: z.number().positive().nullable().default(10_000),
  classifier_pooling: z.enum(['cls', 'mean']).default('cls'),
  classifier_bias: z.boolean().default(false),
  classifier_activation: z.string().default('gelu'),
});
export type ModernBertConfig = z.infer<typeof schema>;

/** What each layer sees: `layer_types`, or the whole text in every `global_attn_every_n_layers`th. */
export function layerTypes(config: ModernBertConfig, checkpoint: Checkpoint): readonly LayerType[] {
  const { num_hidden_layers: layers, global_attn_every_n_layers: every, layer_types: given } = config;
  if (!given) {
    return Array.from({ length: layers }, (_, index) => (index % every ? 'sliding_attention' : 'full_attention'));
  }
  const known = given.filter((type): type is LayerType => type === 'full_attention' || type === 'sliding_attention');
  if (known.length !== given.length)
    refuse(checkpoint, 'layer_types', 'only full_attention and sliding_attention can be compiled');
  if (known.length !== layers) refuse(checkpoint, 'layer_types', `num_hidden_layers is ${layers}`);
  return known;
}

/** The base of the rotary positions for either kind of layer. Other kinds of scaling are refused. */
export function rotaryBases(config: ModernBertConfig, checkpoint: Checkpoint): Readonly<Record<LayerType, number>> {
  const { rope_parameters: given, global_rope_theta: global, local_rope_theta: local } = config;
  const isDefault = ({ rope_type: type, partial_rotary_factor: part }: z.infer<typeof rope>) =>
    (type ?? 'default') === 'default' && (part ?? 1) === 1;
  const scaling = checkpoint.config.rope_scaling;
  if (scaling) refuse(checkpoint, 'rope_scaling', 'scaled rotary positions cannot be compiled');
  if (checkpoint.config.head_dim && checkpoint.config.head_dim !== config.hidden_size / config.num_attention_heads)
    refuse(checkpoint, 'head_dim', 'only hidden_size / num_attention_heads can be compiled');
  const theta = (type: LayerType, otherwise: number) => {
    const own = given?.[type];
    if (own && !isDefault(own)) refuse(checkpoint, 'rope_parameters', 'only rope_type default can be compiled');
    return own?.rope_theta ?? otherwise;
  };
  // Without a base of their own the windows have that of the others, as when ModernBERT came out.
  return {
    full_attention: theta('full_attention', global),
    sliding_attention: theta('sliding_attention', local ?? global),
  };
}
