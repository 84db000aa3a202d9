import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../config/index.ts';
import type { ModelMetadata, TensorMetadata } from '../protocol/index.ts';
import { datatypeFromConfig } from '../tensor/index.ts';

/** A model as `/v2/models/<name>` describes it; shapes have a leading -1 where it batches. */
export function metadataOf(config: ModelConfig, versions: readonly number[]): ModelMetadata {
  const batched = toInteger(config.max_batch_size) > 0;
  const describe = (tensor: ModelInput | ModelOutput): TensorMetadata => ({
    name: tensor.name ?? '',
    datatype: datatypeFromConfig(String(tensor.data_type))?.name ?? '<invalid>',
    shape: batched ? [-1, ...dimsOf(tensor)] : dimsOf(tensor),
  });
  return {
    name: config.name ?? '',
    versions: [...versions].sort((a, b) => a - b).map(String),
    platform: config.platform || config.backend || '',
    inputs: (config.input ?? []).map(describe),
    outputs: (config.output ?? []).map(describe),
  };
}
