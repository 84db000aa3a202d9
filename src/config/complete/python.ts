import { isDeepStrictEqual } from 'node:util';
import type { ModelConfig, ModelInput } from '../generated.ts';
import { withoutDefaults } from '../json/defaults.ts';
import type { Completion, PythonCompletion } from './completion.ts';

const reason = 'auto_complete_config';
const schedulers = ['dynamic_batching', 'sequence_batching', 'ensemble_scheduling'] as const;

/**
 * Takes over what a Python model's `auto_complete_config` returned: batch size, inputs, outputs, a scheduler where none
 * was chosen, and the decoupled flag (core, `TritonModel::UpdateModelConfig`).
 */
export function completePython(completion: Completion, python: PythonCompletion): void {
  const { config } = completion;
  const returned = structuredClone(python);
  const { max_batch_size: size = 0 } = returned;
  if ((config.max_batch_size ?? 0) !== size) {
    config.max_batch_size = size;
    completion.changed('max_batch_size', 'backend', reason);
  }
  takeTensors(completion, 'input', returned);
  takeTensors(completion, 'output', returned);
  takeScheduler(completion, returned);
  takeDecoupled(completion, returned);
}

function takeTensors(completion: Completion, side: 'input' | 'output', returned: PythonCompletion): void {
  const { config } = completion;
  const before: readonly ModelInput[] = config[side] ?? [];
  const after: readonly ModelInput[] = withoutDefaults({ [side]: returned[side] ?? [] })[side] ?? [];
  if (after.length < before.length) completion.changed(side, 'backend', `${reason} removed some`);
  const tensors = after.map((tensor, index) => {
    const old = before[index];
    if (old === undefined) completion.changed(`${side}[${index}]`, 'backend', reason);
    return old === undefined ? tensor : changedTensor(completion, side, index, old, tensor);
  });
  if (before.length > 0 || tensors.length > 0) config[side] = tensors;
}

/** The tensor with those values that differ; what says the same in other words stays as it is written. */
function changedTensor(
  completion: Completion,
  side: 'input' | 'output',
  index: number,
  before: ModelInput,
  after: ModelInput,
): ModelInput {
  const [plain] = withoutDefaults({ [side]: [before] })[side] as ModelInput[];
  const tensor: Record<string, unknown> = { ...before };
  for (const name of new Set([...Object.keys(plain ?? {}), ...Object.keys(after)]) as Set<keyof ModelInput>) {
    if (isDeepStrictEqual(plain?.[name], after[name])) continue;
    if (after[name] === undefined) delete tensor[name];
    else tensor[name] = after[name];
    completion.changed(`${side}[${index}].${name}`, 'backend', reason);
  }
  return tensor as ModelInput;
}

function takeScheduler(completion: Completion, returned: PythonCompletion): void {
  const chosen = schedulerOf(completion.config);
  const wanted = schedulerOf(returned);
  if (chosen === wanted) return;
  if (chosen === undefined) {
    Object.assign(completion.config, { [wanted!]: returned[wanted!] });
    completion.changed(wanted!, 'backend', reason);
    return;
  }
  const message = `${chosen} is configured, but auto_complete_config returns ${wanted ?? 'no scheduler'}`;
  completion.refuse('complete/python-clash', chosen, message, 'make the two agree');
}

function takeDecoupled(completion: Completion, { model_transaction_policy: policy }: PythonCompletion): void {
  const { config } = completion;
  const { decoupled = false } = policy ?? {};
  const before = config.model_transaction_policy;
  if (policy === undefined || (before !== undefined && (before.decoupled ?? false) === decoupled)) return;
  config.model_transaction_policy = { decoupled };
  completion.changed('model_transaction_policy.decoupled', 'backend', reason);
}

function schedulerOf(config: ModelConfig): (typeof schedulers)[number] | undefined {
  return schedulers.find((name) => config[name] !== undefined);
}
