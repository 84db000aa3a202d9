import { z } from 'zod';
import { ConchError } from '../../base/index.ts';
import type { Checkpoint } from '../../checkpoint/index.ts';
import { checkActivation } from './blocks/activation.ts';
import type { LayerSizes } from './blocks/encoder-layer.ts';

const size = z.number().int().positive();

/** Fields that every encoder's config.json has under these names; defaults are those of transformers. */
export const encoderFields = {
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size,
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
};

type EncoderConfig = z.infer<z.ZodObject<typeof encoderFields>>;

/** The sizes of a layer of BERT's kind; throws where heads do not divide or the activation is unknown. */
export function sizesOf(checkpoint: Checkpoint, config: EncoderConfig): LayerSizes {
  const { hidden_size: hidden, num_attention_heads: heads } = config;
  return {
    hidden,
    heads,
    headSize: headSizeOf(checkpoint, hidden, heads),
    wide: config.intermediate_size,
    epsilon: config.layer_norm_eps,
    activation: checkActivation(config.hidden_act, 'hidden_act', checkpoint.configFile),
  };
}

/** Throws CHECKPOINT_UNSUPPORTED naming a field of config.json, its value and why it cannot be honoured. */
export function refuse({ config, configFile }: Checkpoint, field: string, why: string): never {
  throw new ConchError('CHECKPOINT_UNSUPPORTED', `${configFile}: ${field} ${JSON.stringify(config[field])}: ${why}`, {
    where: { file: configFile, path: field },
  });
}

/** Switches that change the numbers of any encoder and that no graph here has. */
export function refuseSwitches(checkpoint: Checkpoint): void {
  const { config } = checkpoint;
  const positionType = config.position_embedding_type ?? 'absolute';
  if (positionType !== 'absolute')
    refuse(checkpoint, 'position_embedding_type', 'only absolute positions can be compiled');
  if (config.is_decoder) refuse(checkpoint, 'is_decoder', 'decoders cannot be compiled, only encoders');
  if (config.add_cross_attention) refuse(checkpoint, 'add_cross_attention', 'cross attention cannot be compiled');
  if (Object.keys(config.pruned_heads ?? {}).length > 0)
    refuse(checkpoint, 'pruned_heads', 'pruned heads cannot be compiled');
  if (config.quantization_config) refuse(checkpoint, 'quantization_config', 'quantised weights cannot be compiled');
}

/** Size of a head; CHECKPOINT_INVALID where `hidden` (of field `name`) does not divide into `heads` (of `headsName`). */
export function headSizeOf(
  { configFile: file }: Checkpoint,
  hidden: number,
  heads: number,
  [name, headsName]: readonly [string, string] = ['hidden_size', 'num_attention_heads'],
): number {
  if (hidden % heads === 0) return hidden / heads;
  throw new ConchError('CHECKPOINT_INVALID', `${file}: ${name} ${hidden} is not a multiple of ${headsName} ${heads}`, {
    where: { file, path: headsName },
  });
}
