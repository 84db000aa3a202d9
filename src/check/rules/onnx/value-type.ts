import type { ModelRule } from '../../rule.ts';
import { inVersion } from './signature.ts';

export const valueType: ModelRule = {
  code: 'onnx/value-type',
  severity: 'error',
  summary: 'Inputs and outputs of the ONNX model are tensors of types that Triton has.',
  why: 'Triton carries tensors. A graph that takes or gives a sequence or a map (as classifiers from scikit-learn do) or an 8-bit float cannot be served; ONNX Runtime fails while it completes or checks the config.',
  fix: 'Export with plain tensors (`zipmap=False` for scikit-learn), or leave that output out of the config.',
  *check(model) {
    for (const { version, summary } of model.onnx) {
      const outputs = new Set((model.written.output ?? []).map((one) => one.name));
      const used = summary.outputs.filter((one) => outputs.size === 0 || outputs.has(one.name));
      for (const { name, datatype, onnxType } of [...summary.inputs, ...used]) {
        if (datatype !== undefined) continue;
        const what = onnxType === 0 ? 'not a tensor' : `of ONNX type ${onnxType}, which Triton does not have`;
        yield { path: 'output', message: `'${name}' of the ONNX model is ${what}${inVersion(model, version.folder)}` };
      }
    }
  },
};
