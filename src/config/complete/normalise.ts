import type { ModelInstanceGroup } from '../generated.ts';
import type { Completion } from './completion.ts';

/** Writes out the defaults that Triton writes out, for the host's GPUs. Runs before and after a backend completes. */
export function normalise(completion: Completion): void {
  const { config } = completion;
  if (config.version_policy === undefined) {
    config.version_policy = { latest: { num_versions: 1 } };
    completion.changed('version_policy', 'default', 'without a policy the highest version is served');
  }
  normaliseScheduling(completion);
  if (config.ensemble_scheduling !== undefined) return;
  normalisePinnedMemory(completion);
  normaliseInstances(completion);
}

function normaliseScheduling(completion: Completion): void {
  const { max_batch_size: most = 0, dynamic_batching: dynamic, sequence_batching: sequence } = completion.config;
  for (const [path, batching] of [
    ['dynamic_batching', dynamic],
    ['sequence_batching.oldest', sequence?.oldest],
  ] as const) {
    if (batching === undefined || most <= 0 || (batching.preferred_batch_size ?? []).length > 0) continue;
    batching.preferred_batch_size = [most];
    completion.changed(
      `${path}.preferred_batch_size`,
      'default',
      `without preferred sizes it is max_batch_size, ${most}`,
    );
  }
  if (sequence !== undefined && !sequence.max_sequence_idle_microseconds) {
    sequence.max_sequence_idle_microseconds = 1_000_000;
    completion.changed('sequence_batching.max_sequence_idle_microseconds', 'default', '0 stands for one second');
  }
}

function normalisePinnedMemory(completion: Completion): void {
  completion.config.optimization ??= {};
  for (const name of ['input_pinned_memory', 'output_pinned_memory'] as const) {
    if (completion.config.optimization[name] !== undefined) continue;
    completion.config.optimization[name] = { enable: true };
    completion.changed(`optimization.${name}.enable`, 'default', 'pinned memory is used unless it is switched off');
  }
}

function normaliseInstances(completion: Completion): void {
  const { config } = completion;
  const name = config.name ?? '';
  if ((config.instance_group ?? []).length === 0) {
    config.instance_group = [{ name }];
    completion.changed('instance_group', 'default', 'a model has at least one group of instances');
  }
  config.instance_group!.forEach((group, index) => {
    const path = `instance_group[${index}]`;
    if (!group.name) {
      group.name = `${name}_${index}`;
      completion.changed(`${path}.name`, 'default', "the model's name and the group's index");
    }
    normaliseKind(completion, group, path);
    normaliseCount(completion, group, path);
    if (group.kind === 'KIND_GPU' && (group.gpus ?? []).length === 0) {
      const usable = completion.context.gpus ?? [];
      if (usable.length === 0) return;
      group.gpus = [...usable];
      completion.changed(`${path}.gpus`, 'default', 'without a list every usable GPU is taken');
    }
  });
}

function normaliseKind(completion: Completion, group: ModelInstanceGroup, path: string): void {
  if (group.kind !== undefined && group.kind !== 'KIND_AUTO' && group.kind !== 0) return;
  const usable = completion.context.gpus ?? [];
  const missing = (group.gpus ?? []).filter((gpu) => !usable.includes(gpu));
  const onGpu = usable.length > 0 && missing.length === 0;
  group.kind = onGpu ? 'KIND_GPU' : 'KIND_CPU';
  const why = usable.length === 0 ? 'no GPU is usable' : onGpu ? 'a GPU is usable' : `GPU ${missing[0]} is not usable`;
  completion.changed(`${path}.kind`, 'default', `KIND_AUTO, and ${why}`);
}

function normaliseCount(completion: Completion, group: ModelInstanceGroup, path: string): void {
  if ((group.count ?? 0) >= 1) return;
  const { backend } = completion;
  const two = group.kind === 'KIND_CPU' && (backend === 'onnxruntime' || backend === 'tensorflow');
  group.count = two ? 2 : 1;
  const reason = two ? `two instances are the default of ${backend} on a CPU` : 'one instance is the default';
  completion.changed(`${path}.count`, 'default', reason);
}
