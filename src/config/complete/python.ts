import type { ModelInput } from '../generated.ts';
import type { Completion, PythonCompletion, PythonTensor } from './completion.ts';

/**
 * Applies what a Python model's `auto_complete_config` asked for, by the rules of `pb_utils.ModelConfig`
 * (python_backend, `triton_python_backend_utils.py`); a call that contradicts the configuration refuses the model.
 */
export function completePython(completion: Completion, calls: PythonCompletion): void {
  const reason = 'auto_complete_config';
  if (calls.maxBatchSize !== undefined) setMaxBatchSize(completion, calls.maxBatchSize, reason);
  if (calls.dynamicBatching) setDynamicBatching(completion, reason);
  for (const tensor of calls.inputs ?? []) addTensor(completion, 'input', tensor, reason);
  for (const tensor of calls.outputs ?? []) addTensor(completion, 'output', tensor, reason);
  if (calls.decoupled !== undefined) setDecoupled(completion, calls.decoupled, reason);
}

function setMaxBatchSize(completion: Completion, size: number, reason: string): void {
  const { config } = completion;
  const configured = config.max_batch_size ?? 0;
  if (configured > size) {
    clash(completion, 'max_batch_size', `max_batch_size is ${configured}`, `set_max_batch_size(${size})`);
  } else if (configured !== size) {
    config.max_batch_size = size;
    completion.changed('max_batch_size', 'backend', reason);
  }
}

function setDynamicBatching(completion: Completion, reason: string): void {
  const { config } = completion;
  const other = config.sequence_batching ? 'sequence_batching' : config.ensemble_scheduling && 'ensemble_scheduling';
  if (other) clash(completion, other, `${other} is configured`, 'set_dynamic_batching()');
  else if (config.dynamic_batching === undefined) {
    config.dynamic_batching = {};
    completion.changed('dynamic_batching', 'backend', reason);
  }
}

function addTensor(completion: Completion, side: 'input' | 'output', tensor: PythonTensor, reason: string): void {
  const { config } = completion;
  config[side] ??= [];
  const list: ModelInput[] = config[side];
  const index = list.findIndex((one) => one.name === tensor.name);
  const configured = list[index];
  if (configured === undefined) {
    const { name, data_type, dims, optional } = tensor;
    list.push({ name, data_type, dims: [...dims], ...(side === 'input' && optional ? { optional } : {}) });
    completion.changed(`${side}[${list.length - 1}]`, 'backend', reason);
    return;
  }
  const path = `${side}[${index}]`;
  const call = `add_${side} for ${tensor.name}`;
  const dims = configured.dims ?? [];
  const sameDims = dims.length === tensor.dims.length && dims.every((dim, at) => Number(dim) === tensor.dims[at]);
  if (configured.data_type !== tensor.data_type)
    clash(completion, `${path}.data_type`, `data_type is ${configured.data_type}`, `${call}: ${tensor.data_type}`);
  else if (dims.length > 0 && !sameDims)
    clash(completion, `${path}.dims`, `dims are [${dims.join(', ')}]`, `${call}: [${tensor.dims.join(', ')}]`);
  else if (side === 'input' && (configured.optional ?? false) !== (tensor.optional ?? false))
    clash(completion, `${path}.optional`, `optional is ${configured.optional ?? false}`, `${call}: ${tensor.optional}`);
  else if (dims.length === 0 && tensor.dims.length > 0) {
    configured.dims = [...tensor.dims];
    completion.changed(`${path}.dims`, 'backend', reason);
  }
}

function setDecoupled(completion: Completion, decoupled: boolean, reason: string): void {
  const { config } = completion;
  const configured = config.model_transaction_policy;
  if (configured === undefined) {
    config.model_transaction_policy = { decoupled };
    completion.changed('model_transaction_policy.decoupled', 'backend', reason);
  } else if ((configured.decoupled ?? false) !== decoupled) {
    const path = 'model_transaction_policy.decoupled';
    clash(
      completion,
      path,
      `decoupled is ${configured.decoupled ?? false}`,
      `set_model_transaction_policy: ${decoupled}`,
    );
  }
}

function clash(completion: Completion, path: string, configured: string, call: string): void {
  const message = `${configured} in the configuration, but auto_complete_config calls ${call}`;
  completion.refuse('complete/python-clash', path, message, 'make the two agree');
}
