import {
  dimsOf,
  type ModelConfig,
  type ModelDynamicBatching,
  type ModelInput,
  type ModelOutput,
  toInteger,
} from '../config/index.ts';
import { datatypeFromConfig } from '../tensor/index.ts';
import { validateSequence } from './sequence/validation.ts';
import { validateBatchTensors } from './validation-batch.ts';

/** Why Triton, and so the engine, refuses a config. */
export interface ConfigProblem {
  /** As in `ParsedConfig.at`. */
  readonly path: string;
  readonly message: string;
}

/**
 * The structural rules that Triton checks on a completed config before it loads a model (`ValidateModelConfig`,
 * `ValidateInstanceGroup` and `ValidateModelIOConfig` in its core); what hangs on other models is `ensemble-check.ts`.
 */
export function validateConfig(config: ModelConfig, folder: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string): void => void problems.push({ path, message });
  if (config.name !== folder) report('name', `name is '${config.name}', the model's folder is '${folder}'`);
  if (toInteger(config.max_batch_size) < 0)
    report('max_batch_size', `max_batch_size must not be negative, it is ${config.max_batch_size}`);
  validateTensors('input', config, report);
  validateTensors('output', config, report);
  validateBatchTensors(config, report);
  validateSequence(config, report);
  if (config.dynamic_batching) validateBatching(config.dynamic_batching, toInteger(config.max_batch_size), report);
  if (config.platform === 'ensemble') {
    if (config.backend) report('backend', `an ensemble has no backend, it says '${config.backend}'`);
    for (const field of [
      'instance_group',
      'optimization',
      'model_warmup',
      'dynamic_batching',
      'sequence_batching',
    ] as const) {
      const value = config[field];
      if (Array.isArray(value) ? value.length > 0 : value !== undefined)
        report(field, `an ensemble cannot have ${field}`);
    }
    if (!config.ensemble_scheduling) report('platform', 'platform is ensemble, but ensemble_scheduling is missing');
  } else {
    if (config.ensemble_scheduling)
      report('ensemble_scheduling', `ensemble_scheduling needs platform 'ensemble', it is '${config.platform ?? ''}'`);
    if (!config.backend) report('backend', 'backend is missing, and nothing tells which one it is');
    validateInstances(config, report);
  }
  if (config.response_cache?.enable) {
    if (config.sequence_batching) report('response_cache', 'response_cache does not work with sequence_batching');
    if (config.model_transaction_policy?.decoupled)
      report('response_cache', 'response_cache does not work with decoupled models');
  }
  return problems;
}

type Report = (path: string, message: string) => void;

function validateTensors(side: 'input' | 'output', config: ModelConfig, report: Report): void {
  const batched = toInteger(config.max_batch_size) > 0;
  (config[side] ?? []).forEach((tensor: ModelInput | ModelOutput, index) => {
    const path = `${side}[${index}]`;
    const what = tensor.name ? `${side} '${tensor.name}'` : `${side} ${index}`;
    if (!tensor.name) report(path, `${what} has no name`);
    if (!datatypeFromConfig(String(tensor.data_type))) report(`${path}.data_type`, `${what} has no data_type`);
    const dims = dimsOf(tensor);
    if (dims.length === 0) report(path, `${what} has no dims`);
    dims.forEach((dim, position) => {
      if (dim !== -1 && dim < 1)
        report(`${path}.dims[${position}]`, `${what}: dims [${dims}] may hold -1 and numbers from 1, not ${dim}`);
    });
    if (tensor.reshape)
      validateReshape(what, `${path}.reshape`, dims, (tensor.reshape.shape ?? []).map(Number), batched, report);
    const { format } = tensor as ModelInput;
    if ((format === 'FORMAT_NCHW' || format === 'FORMAT_NHWC') && dims.length !== 3) {
      report(`${path}.format`, `${what}: ${format} needs 3 dims, there are ${dims.length}`);
    }
  });
}

/** Between two variable dimensions (and the ends) both shapes must hold the same number of elements. */
function validateReshape(
  what: string,
  path: string,
  dims: readonly number[],
  shape: readonly number[],
  batched: boolean,
  report: Report,
): void {
  if (shape.length === 0 && !batched) report(path, `${what}: an empty reshape needs max_batch_size above 0`);
  else if (shape.some((dim) => dim !== -1 && dim < 1))
    report(path, `${what}: reshape [${shape}] may hold -1 and numbers from 1`);
  else if (runs(dims).join() !== runs(shape).join()) {
    report(path, `${what}: dims [${dims}] and reshape [${shape}] do not hold the same elements`);
  }
}

/** Products of the fixed dimensions between the variable ones: `[2,4,-1,6]` gives `[8,6]`. */
function runs(dims: readonly number[]): number[] {
  const products = [1];
  for (const dim of dims) {
    if (dim === -1) products.push(1);
    else products.push(products.pop()! * dim);
  }
  return products;
}

function validateBatching(batching: ModelDynamicBatching, maxBatchSize: number, report: Report): void {
  (batching.preferred_batch_size ?? []).forEach((size, index) => {
    const path = `dynamic_batching.preferred_batch_size[${index}]`;
    if (size <= 0) report(path, `preferred_batch_size must be above 0, it is ${size}`);
    else if (size > maxBatchSize) report(path, `preferred_batch_size ${size} exceeds max_batch_size ${maxBatchSize}`);
  });
  const levels = toInteger(batching.priority_levels);
  const policies = Object.entries(batching.priority_queue_policy ?? {});
  if (levels > 0) {
    const fallback = toInteger(batching.default_priority_level);
    if (fallback < 1 || fallback > levels) {
      report(
        'dynamic_batching.default_priority_level',
        `default_priority_level must be 1 to ${levels}, it is ${fallback}`,
      );
    }
    for (const [level] of policies) {
      if (Number(level) < 1 || Number(level) > levels) {
        report(
          'dynamic_batching.priority_queue_policy',
          `priority_queue_policy names level ${level}, there are 1 to ${levels}`,
        );
      }
    }
  }
  if (!batching.preserve_ordering) return;
  if (levels > 1)
    report('dynamic_batching.preserve_ordering', `preserve_ordering allows one priority level, there are ${levels}`);
  for (const policy of [batching.default_queue_policy, ...policies.map(([, policy]) => policy)]) {
    const delays = policy?.timeout_action === 'DELAY' || policy?.timeout_action === 1;
    if (delays && toInteger(policy?.default_timeout_microseconds) > 0) {
      report('dynamic_batching.preserve_ordering', 'preserve_ordering does not allow a timeout whose action is DELAY');
    }
  }
}

function validateInstances(config: ModelConfig, report: Report): void {
  (config.instance_group ?? []).forEach((group, index) => {
    const path = `instance_group[${index}]`;
    const kind = group.kind ?? 'KIND_AUTO';
    if (kind === 'KIND_GPU' || kind === 1) {
      report(`${path}.kind`, 'KIND_GPU needs a GPU; the embedded server runs on the processor');
    } else if (group.gpus?.length) report(`${path}.gpus`, `gpus needs KIND_GPU, the group is ${kind}`);
    if (group.profile?.length) report(`${path}.profile`, 'profile is for TensorRT only');
  });
}
