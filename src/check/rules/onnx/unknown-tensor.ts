import { tensorsOf } from '../../fields.ts';
import { nearest, quoted } from '../../names.ts';
import type { Finding, ModelRule } from '../../rule.ts';
import { fedInputs, inputNames, inVersion } from './signature.ts';

export const unknownTensor: ModelRule = {
  code: 'onnx/unknown-tensor',
  severity: 'error',
  summary: 'Every tensor of the config is one of the ONNX model.',
  why: 'Names must be exactly those in the graph. ONNX Runtime refuses an input or output that the model does not have. Names often change when a model is exported anew.',
  fix: 'Use the names of the graph.',
  *check(model) {
    for (const { version, summary } of model.onnx) {
      const names = { input: inputNames(summary), output: summary.outputs.map((one) => one.name) };
      const suffix = inVersion(model, version.folder);
      const judge = (kind: 'input' | 'output', name: string, path: string): Finding | undefined => {
        if (name === '' || names[kind].includes(name)) return undefined;
        const free = names[kind].filter((one) => !(model.config[kind] ?? []).some((other) => other.name === one));
        const guess = nearest(name, free) ?? (free.length === 1 ? free[0] : undefined);
        return {
          path,
          message: `the ONNX model has no ${kind} '${name}', its ${kind}s are ${quoted(names[kind]) || 'none'}${suffix}`,
          fix: guess === undefined ? `use one of ${quoted(names[kind], 'or')}` : `did you mean '${guess}'?`,
        };
      };
      for (const { kind, tensor, path } of tensorsOf(model.config)) {
        const finding = judge(kind, tensor.name ?? '', `${path}.name`);
        if (finding !== undefined) yield finding;
      }
      for (const { name, path } of fedInputs(model.config)) {
        const finding = judge('input', name, path);
        if (finding !== undefined) yield finding;
      }
      for (const [index, { output_name = '' }] of (model.config.sequence_batching?.state ?? []).entries()) {
        const finding = judge('output', output_name, `sequence_batching.state[${index}].output_name`);
        if (finding !== undefined) yield finding;
      }
    }
  },
};
