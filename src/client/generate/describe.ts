import { ConchError } from '../../base/index.ts';
import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../../config/index.ts';
import { datatypeFromConfig } from '../../tensor/index.ts';
import type { ModelSignature, TensorSignature } from '../typed/signature.ts';

/** The signature of a model by its completed configuration. Throws CONFIG_INVALID for a tensor without a name or type. */
export function signatureOf(config: ModelConfig): ModelSignature {
  const name = config.name ?? '';
  const maxBatchSize = toInteger(config.max_batch_size, 0);
  const tensors = (list: readonly (ModelInput | ModelOutput)[] = []) =>
    Object.fromEntries(list.map((tensor) => [tensor.name ?? '', tensorOf(name, tensor, maxBatchSize > 0)]));
  if (!config.output?.length) {
    throw new ConchError(
      'CONFIG_INVALID',
      `model '${name}': its configuration has no outputs, and its file does not say`,
      {
        fix: 'complete config.pbtxt (conch config infer), or name a running server with --server',
      },
    );
  }
  return {
    name,
    maxBatchSize,
    ...(config.model_transaction_policy?.decoupled && { decoupled: true }),
    ...(config.sequence_batching && { stateful: true }),
    inputs: tensors(config.input),
    outputs: tensors(config.output),
  };
}

function tensorOf(model: string, tensor: ModelInput | ModelOutput, batched: boolean): TensorSignature {
  const datatype = datatypeFromConfig(String(tensor.data_type))?.name;
  if (datatype === undefined || !tensor.name) {
    const subject = tensor.name ? `tensor '${tensor.name}'` : 'a tensor without a name';
    throw new ConchError('CONFIG_INVALID', `model '${model}', ${subject}: data type ${tensor.data_type ?? 'none'}`, {
      fix: 'complete config.pbtxt (conch config infer), or name a running server with --server',
    });
  }
  const shape = [...(batched ? [-1] : []), ...dimsOf(tensor)];
  return { datatype, shape, ...('optional' in tensor && tensor.optional && { optional: true }) };
}
