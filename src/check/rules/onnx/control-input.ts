import type { ModelSequenceBatching_Control } from '../../../config/index.ts';
import { shownType } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { shownOnnxShape } from '../../shapes.ts';
import { inVersion } from './signature.ts';

export const controlInput: ModelRule = {
  code: 'onnx/control-input',
  severity: 'error',
  summary: 'Control inputs have the type of their values and one value a row.',
  why: 'Triton fills a control input with one value for each row, of the type that its pair of values (or the `data_type` of CORRID) has. The backend refuses a graph that has another type there, or more than one value a row.',
  fix: 'Export the control input as one value a row, and give the pair in its type.',
  *check(model) {
    for (const { version, summary } of model.onnx) {
      const suffix = inVersion(model, version.folder);
      for (const [at, { name = '', control = [] }] of (model.config.sequence_batching?.control_input ?? []).entries()) {
        const info = summary.inputs.find((one) => one.name === name);
        if (info === undefined) continue;
        for (const [index, signal] of control.entries()) {
          const type = typeOf(signal);
          const path = `sequence_batching.control_input[${at}].control[${index}]`;
          if (type !== undefined && info.datatype !== undefined && type !== info.datatype) {
            yield {
              path,
              message: `control input '${name}' is ${type}, in the ONNX model it is ${info.datatype}${suffix}`,
            };
          }
        }
        const row = model.batches ? info.shape?.slice(1) : info.shape;
        if (row !== undefined && !(row.length === 1 && row[0] === 1)) {
          const is = shownOnnxShape(info.shape!, model.batches);
          const wanted = model.batches ? '[batch, 1]' : '[1]';
          const path = `sequence_batching.control_input[${at}].name`;
          yield { path, message: `control input '${name}' is ${is} in the ONNX model, it must be ${wanted}${suffix}` };
        }
      }
    }
  },
};

function typeOf(control: ModelSequenceBatching_Control): string | undefined {
  if ((control.int32_false_true ?? []).length > 0) return 'INT32';
  if ((control.fp32_false_true ?? []).length > 0) return 'FP32';
  if ((control.bool_false_true ?? []).length > 0) return 'BOOL';
  return control.data_type === undefined ? undefined : shownType(control.data_type);
}
