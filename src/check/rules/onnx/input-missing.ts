import type { ModelRule } from '../../rule.ts';
import { shownOnnxShape } from '../../shapes.ts';
import { fedInputs, inVersion } from './signature.ts';

export const inputMissing: ModelRule = {
  code: 'onnx/input-missing',
  severity: 'error',
  summary: 'The config declares every input that the ONNX model needs.',
  why: 'The backend counts: inputs of the model without a default against non-optional inputs, batch inputs, sequence controls and states of the config. Outputs may be left out, inputs may not.',
  fix: 'Declare the input, or remove it from the graph.',
  *check(model) {
    const { input = [] } = model.config;
    // Left to the backend, which something else keeps from filling them in: that is said.
    if (input.length === 0 && model.completed.problems.length > 0) return;
    const declared = new Set(input.filter((one) => !one.optional).map((one) => one.name ?? ''));
    const optional = new Map(input.flatMap((one, index) => (one.optional ? [[one.name ?? '', index] as const] : [])));
    const fed = new Set(fedInputs(model.config).map((one) => one.name));
    for (const { version, summary } of model.onnx) {
      for (const { name, datatype, shape } of summary.inputs) {
        if (declared.has(name) || fed.has(name)) continue;
        const is =
          `${datatype ?? 'of another type'} ${shape === undefined ? '' : shownOnnxShape(shape, model.batches)}`.trim();
        const suffix = inVersion(model, version.folder);
        const index = optional.get(name);
        if (index === undefined) {
          yield {
            path: 'input',
            message: `the ONNX model needs input '${name}' (${is}), which the config does not declare${suffix}`,
          };
        } else {
          const message = `input '${name}' is optional, but the ONNX model has no default for it${suffix}`;
          yield { path: `input[${index}].optional`, message, fix: 'remove optional' };
        }
      }
    }
  },
};
