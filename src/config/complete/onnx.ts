import { datatypes } from '../../tensor/index.ts';
import type { ModelInput } from '../generated.ts';
import type { Completion, OnnxSignature, OnnxSignatureTensor } from './completion.ts';

/**
 * What the ONNX Runtime backend fills in when inputs or outputs are missing as a whole: batch size, dynamic batching,
 * and the missing side from the model itself (onnxruntime_backend, `AutoCompleteConfig`). A config with at least one
 * input and one output is left alone.
 */
export function completeOnnx(completion: Completion, signature: OnnxSignature): void {
  const { config } = completion;
  const lacksInputs = isEmpty(config.input) && isEmpty(config.batch_input);
  const lacksOutputs = isEmpty(config.output);
  if (!lacksInputs && !lacksOutputs) return;
  const odd = [...signature.inputs, ...signature.outputs].find((tensor) => tensor.datatype === undefined);
  if (odd !== undefined) {
    const message = `${odd.name} of the ONNX model is not a tensor of a type that Triton carries`;
    completion.refuse('complete/not-a-tensor', '', message, 'export the model with plain tensors');
    return;
  }
  if (!completeBatching(completion, signature)) return;
  const batched = (config.max_batch_size ?? 0) > 0;
  const reason = 'read from the ONNX model, because the configuration gives none';
  if (isEmpty(config.input)) {
    config.input = signature.inputs.map((tensor) => tensorConfig(tensor, batched));
    completion.changed('input', 'file', reason);
  }
  if (lacksOutputs) {
    config.output = signature.outputs.map((tensor) => tensorConfig(tensor, batched));
    completion.changed('output', 'file', reason);
  }
}

/** False when the model was refused. */
function completeBatching(completion: Completion, { inputs, outputs }: OnnxSignature): boolean {
  const { config, context } = completion;
  const fixed = [...inputs, ...outputs].find((tensor) => !isBatchable(tensor));
  if (fixed !== undefined) {
    if (!config.max_batch_size) return true;
    const message = `max_batch_size is ${config.max_batch_size}, but ${fixed.name} of the ONNX model has the shape ${shown(fixed)}, whose first dimension is not dynamic`;
    const fix = 'set max_batch_size: 0, or export the model with a dynamic first dimension on every input and output';
    completion.refuse('complete/not-batchable', 'max_batch_size', message, fix);
    return false;
  }
  if (!config.max_batch_size) {
    const { defaultMaxBatchSize: flag } = context;
    config.max_batch_size = flag ?? 4;
    const from = flag === undefined ? '' : ', set by --backend-config';
    const reason = `every tensor has a dynamic first dimension; default-max-batch-size is ${config.max_batch_size}${from}`;
    completion.changed('max_batch_size', flag === undefined ? 'backend' : 'flag', reason);
  }
  if (config.max_batch_size > 1 && !config.dynamic_batching && !config.sequence_batching) {
    config.dynamic_batching = {};
    completion.changed('dynamic_batching', 'backend', 'the model can batch and no scheduler is chosen');
  }
  return true;
}

function isBatchable({ shape }: OnnxSignatureTensor): boolean {
  return shape !== undefined && shape.length > 0 && !isFixed(shape[0]);
}

function isFixed(dimension: number | string | undefined): dimension is number {
  return typeof dimension === 'number' && dimension >= 0;
}

function tensorConfig({ name, datatype, shape }: OnnxSignatureTensor, batched: boolean): ModelInput {
  const full = (shape ?? []).map((dimension) => (isFixed(dimension) ? dimension : -1));
  const dims = batched ? full.slice(1) : full;
  const scalar = dims.length === 0;
  const tensor: ModelInput = { name, data_type: datatypes[datatype!].config, dims: scalar ? [1] : dims };
  return scalar && batched ? { ...tensor, reshape: { shape: [] } } : tensor;
}

function shown({ shape }: OnnxSignatureTensor): string {
  return shape === undefined ? 'unknown' : `[${shape.map((one) => (isFixed(one) ? one : (one ?? '?'))).join(', ')}]`;
}

function isEmpty(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}
