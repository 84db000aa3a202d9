import { datatypeFromConfig } from '../../../tensor/index.ts';
import { configFix } from '../../edits.ts';
import { hasType, shownType } from '../../fields.ts';
import type { ModelRule } from '../../rule.ts';
import { inVersion, matchesOf } from './signature.ts';

export const datatype: ModelRule = {
  code: 'onnx/datatype',
  severity: 'error',
  summary: 'Data types are those of the ONNX model.',
  why: 'Nothing is converted between the request and the model. The backend compares each declared type with the one in the graph and refuses the model when they differ.',
  fix: 'Declare the type that the graph has.',
  *check(model) {
    for (const { tensor, info, path, label, where } of matchesOf(model)) {
      if (info.datatype === undefined || !hasType(tensor.data_type)) continue;
      const given = datatypeFromConfig(String(tensor.data_type));
      if (given === undefined || given.name === info.datatype) continue;
      const at = `${path}.data_type`;
      const right = info.datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${info.datatype}`;
      yield {
        path: at,
        message: `${label} is ${shownType(tensor.data_type)}, in the ONNX model it is ${info.datatype}${where}`,
        fix: configFix(model, `set data_type: ${right}`, { path: at, value: right }),
      };
    }
    for (const { version, summary } of model.onnx) {
      for (const [index, { target_name = [], data_type }] of (model.config.batch_input ?? []).entries()) {
        for (const name of target_name) {
          const wanted = summary.inputs.find((one) => one.name === name)?.datatype;
          if (wanted === undefined || !hasType(data_type) || shownType(data_type) === wanted) continue;
          const message = `batch input '${name}' is ${shownType(data_type)}, in the ONNX model it is ${wanted}${inVersion(model, version.folder)}`;
          yield { path: `batch_input[${index}].data_type`, message };
        }
      }
    }
  },
};
