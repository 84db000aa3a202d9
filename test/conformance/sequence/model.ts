import type { SequenceCase } from './cases.ts';

const pairs = { int32: '[ 0, 1 ]', fp32: '[ -1, 2.5 ]', bool: '[ false, true ]' };
const types = { int32: 'INT32', fp32: 'FP32', bool: 'BOOL' };
const controls = ['START', 'END', 'READY'] as const;

/** Outputs of the model: what it was given. */
export function outputsOf({ controls: kind, correlation }: SequenceCase): { name: string; type: string }[] {
  return [
    { name: 'y', type: 'INT32' },
    { name: 'batch', type: 'INT32' },
    ...(kind ? controls.map((control) => ({ name: `${control}_out`, type: types[kind] })) : []),
    ...(correlation ? [{ name: 'CORRID_out', type: correlation }] : []),
  ];
}

export function configOf(one: SequenceCase): string {
  const outputs = outputsOf(one).map(
    ({ name, type }) => `output { name: "${name}" data_type: TYPE_${type} dims: [ ${name === 'batch' ? 2 : 1} ] }`,
  );
  const signals = one.controls
    ? controls.map(
        (control) =>
          `control_input { name: "${control}" control { kind: CONTROL_SEQUENCE_${control} ${one.controls}_false_true: ${pairs[one.controls!]} } }`,
      )
    : [];
  const corrid = one.correlation
    ? [`control_input { name: "CORRID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_${one.correlation} } }`]
    : [];
  return `backend: "python" max_batch_size: ${one.maxBatchSize}
input { name: "x" data_type: TYPE_INT32 dims: [ 1 ] }
${outputs.join('\n')}
instance_group { kind: KIND_CPU count: 1 }
sequence_batching { ${one.config}
${[...signals, ...corrid].join('\n')} }
`;
}

/** Gives back each request's inputs, its row and the number of rows. */
export const modelPy = `import json
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.batched = config["max_batch_size"] > 0
        self.controls = [o["name"] for o in config["output"] if o["name"].endswith("_out")]

    def execute(self, requests):
        responses = []
        for row, request in enumerate(requests):
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            where = np.array([row, len(requests)], dtype=np.int32)
            outputs = [
                pb_utils.Tensor("y", x),
                pb_utils.Tensor("batch", where.reshape(1, 2) if self.batched else where),
            ]
            for name in self.controls:
                given = pb_utils.get_input_tensor_by_name(request, name[:-4]).as_numpy()
                outputs.append(pb_utils.Tensor(name, given))
            responses.append(pb_utils.InferenceResponse(output_tensors=outputs))
        return responses
`;
