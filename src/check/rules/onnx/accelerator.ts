import { quoted } from '../../names.ts';
import type { ModelRule } from '../../rule.ts';

const known = { gpu: ['tensorrt', 'cuda'], cpu: ['openvino'] };

export const accelerator: ModelRule = {
  code: 'onnx/accelerator',
  severity: 'error',
  summary: 'Execution accelerators are ones that the ONNX Runtime backend knows.',
  why: 'The backend knows `tensorrt` and `cuda` for GPU instances and `openvino` for CPU instances. An unknown name fails the load of the instances that it is meant for.',
  fix: 'Correct the name, or remove the accelerator.',
  *check(model) {
    if (model.backend !== 'onnxruntime') return;
    const given = model.written.optimization?.execution_accelerators ?? {};
    for (const device of ['gpu', 'cpu'] as const) {
      const field = `${device}_execution_accelerator` as const;
      for (const [index, { name = '' }] of (given[field] ?? []).entries()) {
        if (known[device].includes(name)) continue;
        yield {
          path: `optimization.execution_accelerators.${field}[${index}].name`,
          message: `accelerator '${name}' is unknown for ${device.toUpperCase()} instances, it can be ${quoted(known[device], 'or')}`,
        };
      }
    }
  },
};
