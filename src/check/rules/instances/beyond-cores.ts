import type { ModelRule } from '../../rule.ts';

export const beyondCores: ModelRule = {
  code: 'instances/beyond-cores',
  severity: 'warning',
  summary: 'A model has no more CPU instances than the machine has cores.',
  why: 'Each instance runs on a thread of its own, and with ONNX Runtime on as many threads as there are cores. More instances than cores take turns on the same cores, and each keeps its own copy of the weights.',
  fix: 'Lower `count`; for ONNX models one or two instances with larger batches are usually fastest. `intra_op_thread_count` in `parameters` divides the cores between instances.',
  *check(model) {
    const { cores, gpus } = model.repository.host;
    if (cores === undefined || model.isEnsemble) return;
    const written = model.written.instance_group ?? [];
    for (const [index, group] of (model.config.instance_group ?? []).entries()) {
      if (group.kind !== 'KIND_CPU' || (gpus === undefined && written[index]?.kind !== 'KIND_CPU')) continue;
      const instances = group.count ?? 1;
      if (instances <= cores) continue;
      yield {
        path: `instance_group[${index}].count`,
        message: `${instances} CPU instances share ${cores} ${cores === 1 ? 'core' : 'cores'}`,
      };
    }
  },
};
