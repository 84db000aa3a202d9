import type { ModelRule } from '../../rule.ts';
import { statesOf } from './states.ts';

export const growableMemory: ModelRule = {
  code: 'sequence/growable-memory',
  severity: 'error',
  stage: 'request',
  summary: '`use_growable_memory` comes with the shared buffer and GPU instances.',
  why: 'Growable memory maps more GPU memory behind one buffer that serves as input and output. Without `use_same_buffer_for_input_output`, or on CPU instances, the model loads and the first sequence fails when its state is made.',
  fix: 'Set `use_same_buffer_for_input_output: true` and run on KIND_GPU, or remove `use_growable_memory`.',
  *check(model) {
    for (const { path, label, state } of statesOf(model)) {
      if (!state.use_growable_memory) continue;
      const at = `${path}.use_growable_memory`;
      const what = `use_growable_memory of ${label}`;
      if (!state.use_same_buffer_for_input_output) {
        yield { path: at, message: `${what} needs use_same_buffer_for_input_output: true` };
        continue;
      }
      const cpu = (model.config.instance_group ?? []).some((group) => group.kind === 'KIND_CPU');
      const known = model.repository.host.gpus !== undefined || hasCpuGroup(model.written.instance_group ?? []);
      if (cpu && known) yield { path: at, message: `${what} needs GPU instances, but the model runs on KIND_CPU` };
    }
  },
};

function hasCpuGroup(groups: readonly { readonly kind?: unknown }[]): boolean {
  return groups.some((group) => group.kind === 'KIND_CPU');
}
