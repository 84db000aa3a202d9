import { type Case, config, pythonModel } from '../case.ts';

// The model answers with its input, so that warm-up requests succeed when they are well formed.
const echo = `import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("y", x)]))
        return answers
`;
const sample = (input: string, batch = 1) =>
  `max_batch_size: 4 model_warmup { name: "w" batch_size: ${batch} inputs { key: "x" value { ${input} } } }`;
const bodies: Record<string, string> = {
  zeros: sample('data_type: TYPE_FP32 dims: 4 zero_data: true'),
  random: sample('data_type: TYPE_FP32 dims: 4 random_data: true'),
  'zeros said false': sample('data_type: TYPE_FP32 dims: 4 zero_data: false'),
  'batch 0': sample('data_type: TYPE_FP32 dims: 9 zero_data: true', 0),
  'no data source': sample('data_type: TYPE_FP32 dims: 4'),
  'variable dims': sample('data_type: TYPE_FP32 dims: -1 zero_data: true'),
  'wrong dims': sample('data_type: TYPE_FP32 dims: 5 zero_data: true'),
  'wrong type': sample('data_type: TYPE_INT32 dims: 4 zero_data: true'),
  'unknown input':
    'max_batch_size: 4 model_warmup { name: "w" batch_size: 1 inputs { key: "z" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } }',
  'no inputs': 'max_batch_size: 4 model_warmup { name: "w" batch_size: 1 }',
  'no name':
    'max_batch_size: 4 model_warmup { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } }',
  'file that is not there': sample('data_type: TYPE_FP32 dims: 4 input_data_file: "x"'),
  'file above the folder': sample('data_type: TYPE_FP32 dims: 4 input_data_file: "../x"'),
};

export const cases: Case[] = [
  ...Object.entries(bodies).map(([name, body]) => ({
    name: `warm-up: ${name}`,
    files: pythonModel('m', config(body), { '1/model.py': echo }),
  })),
  ...(
    [
      ['exact', 'abcdefghijklmnop'],
      ['too short', 'abc'],
      ['too long', 'abcdefghijklmnopqrst'],
    ] as const
  ).map(([name, text]) => ({
    name: `warm-up: file ${name}`,
    files: pythonModel('m', config(sample('data_type: TYPE_FP32 dims: 4 input_data_file: "x"')), {
      '1/model.py': echo,
      'warmup/x': text,
    }),
  })),
];
