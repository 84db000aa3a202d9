import type { ModelRule } from '../../rule.ts';

export const cpuDefault: ModelRule = {
  code: 'instances/cpu-default',
  severity: 'info',
  summary: 'The number of CPU instances of an ONNX model is written down.',
  why: 'Where `count` is absent or below 1, Triton runs one instance, but two for ONNX Runtime (and TensorFlow) on the CPU: twice the memory, and threads that compete for the cores.',
  fix: 'Write `instance_group [ { kind: KIND_CPU count: 1 } ]`, or the count that was meant.',
  *check(model) {
    const { gpus } = model.repository.host;
    if (gpus === undefined || model.backend !== 'onnxruntime') return;
    const written = model.written.instance_group ?? [];
    for (const [index, group] of (model.config.instance_group ?? []).entries()) {
      if (group.kind !== 'KIND_CPU' || (written[index]?.count ?? 0) >= 1) continue;
      const message = `Triton runs ${group.count} CPU instances: ${written[index]?.count === undefined ? 'no count is given' : `count is ${written[index]?.count}`}`;
      yield { path: written.length > 0 ? `instance_group[${index}].count` : 'instance_group', message };
    }
  },
};
