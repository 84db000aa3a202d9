import { expect, test } from 'vitest';
import { findings, python, testRule } from '../../testing.ts';

const output = 'output [ { name: "y" data_type: TYPE_FP32 dims: [ 4 ] } ]';
/** `max_batch_size` on line 1, the input on line 2. */
const input = (inner: string, batch = 'max_batch_size: 8', lines = '') => ({
  'm/config.pbtxt': `backend: "python" ${batch}\ninput [ { ${inner} } ]\n${output}\n${lines}`,
  'm/1/model.py': '',
});
/** A plan whose backend reads what the config leaves out. */
const left = (inner: string) => ({
  'm/config.pbtxt': `backend: "tensorrt"\ninput { ${inner} }\n${output}`,
  'm/1/model.plan': 1,
});
const typed = 'name: "x" data_type: TYPE_FP32';

testRule('tensors/name-missing', {
  fires: [[input('data_type: TYPE_FP32 dims: [ 4 ]'), ['m/config.pbtxt:2:9 error input[0] has no name']]],
  silent: [[python()]],
});

testRule('tensors/type-missing', {
  fires: [
    [input('name: "x" dims: [ 4 ]'), ["m/config.pbtxt:2:9 error input 'x' has no data_type"]],
    [
      left('name: "x" dims: [ 4 ]'),
      ["m/config.pbtxt:2:1 warning input 'x' has no data_type; it is left to backend tensorrt to fill in"],
    ],
    [input('name: "x" data_type: TYPE_INVALID dims: [ 4 ]'), ["m/config.pbtxt:2:32 error input 'x' has no data_type"]],
  ],
  silent: [[python()]],
});

testRule('tensors/type-unnamed', {
  fires: [
    [
      input('name: "x" data_type: 99 dims: [ 4 ]'),
      ["m/config.pbtxt:2:32 error input 'x' has data_type 99, which stands for no type"],
    ],
  ],
  silent: [[input('name: "x" data_type: 11 dims: [ 4 ]')]],
});

testRule('tensors/dims-missing', {
  fires: [
    [input(typed), ["m/config.pbtxt:2:9 error input 'x' has no dims"]],
    [left(typed), ["m/config.pbtxt:2:1 warning input 'x' has no dims; it is left to backend tensorrt to fill them in"]],
    [input(`${typed} dims: []`), ["m/config.pbtxt:2:42 error input 'x' has no dims"]],
  ],
  silent: [[python()]],
});

testRule('tensors/dim-illegal', {
  fires: [
    [
      input(`${typed} dims: [ 3, 0, -2 ]`),
      [
        "m/config.pbtxt:2:53 error input 'x' has dimension 0 in dims [3, 0, -2], it must be 1 or more, or -1",
        "m/config.pbtxt:2:56 error input 'x' has dimension -2 in dims [3, 0, -2], it must be 1 or more, or -1",
      ],
    ],
    [
      input(`${typed} dims: [ 4 ] reshape { shape: [ -3 ] }`),
      ["m/config.pbtxt:2:73 error input 'x' has dimension -3 in reshape.shape [-3], it must be 1 or more, or -1"],
    ],
  ],
  silent: [[input(`${typed} dims: [ -1, 1 ]`)]],
});

const reshape = (dims: string, shape: string, batch?: string) =>
  input(`${typed} dims: [ ${dims} ] reshape { shape: [ ${shape} ] }`, batch);

testRule('tensors/reshape-size', {
  fires: [
    [
      reshape('4', '2, 3'),
      ["m/config.pbtxt:2:64 error input 'x' has dims [batch, 4] and reshape [batch, 2, 3]: 4 and 6 elements"],
    ],
    [
      reshape('2, -1, -1', '2, -1', ''),
      ["m/config.pbtxt:2:72 error input 'x' has dims [2, -1, -1] and reshape [2, -1]: 2 and 1 variable dimensions"],
    ],
    [
      reshape('2, -1, 3', '3, -1, 2', ''),
      ["m/config.pbtxt:2:71 error input 'x' has dims [2, -1, 3] and reshape [3, -1, 2]: 2 | 3 and 3 | 2 elements"],
    ],
    [
      reshape('1', '', ''),
      ["m/config.pbtxt:2:64 error input 'x' has an empty reshape, which needs a max_batch_size above 0"],
    ],
    [
      reshape('2', ''),
      ["m/config.pbtxt:2:64 error input 'x' has dims [batch, 2] and reshape [batch]: 2 and 1 elements"],
    ],
  ],
  silent: [[reshape('4', '2, 2')], [reshape('2, 4, -1, 6', '8, -1, 1, 6')], [reshape('1', '')], [reshape('1, 1', '')]],
});

testRule('tensors/format-rank', {
  fires: [
    [
      input(`${typed} dims: [ 4, 4 ] format: FORMAT_NHWC`),
      ["m/config.pbtxt:2:65 error input 'x' has format FORMAT_NHWC and 2 dims, it must be 3"],
    ],
  ],
  silent: [[input(`${typed} dims: [ 4, 4, 3 ] format: FORMAT_NHWC`)], [input(`${typed} dims: 4 format: FORMAT_NONE`)]],
});

const plan = (flag: string, dims = '4') => ({
  'm/config.pbtxt': `backend: "tensorrt"\ninput [ { ${typed} dims: [ ${dims} ] ${flag}: true } ]\n${output}`,
  'm/1/model.plan': 1,
});

testRule('tensors/tensorrt-only', {
  fires: [
    [
      input(`${typed} dims: [ 4 ] is_shape_tensor: true`),
      ["m/config.pbtxt:2:71 error input 'x' sets is_shape_tensor, which needs platform tensorrt_plan, not python"],
    ],
    [
      plan('is_non_linear_format_io'),
      ["m/config.pbtxt:2:79 error input 'x' has a non-linear format and 1 dims, it must be 3"],
    ],
  ],
  silent: [[plan('is_shape_tensor')], [plan('is_non_linear_format_io', '3, 4, 5')]],
});

const again = (more = '') => `input [ { ${typed} dims: [ 4 ] ${more} } ]`;

testRule('tensors/repeated-input', {
  fires: [
    [python(again()), ["m/config.pbtxt:4:9 error input 'x' is declared twice: no request has enough inputs"]],
    [python(again('optional: true')), ["m/config.pbtxt:4:9 warning input 'x' is declared twice"]],
  ],
  silent: [[python()], [python(again().replace('"x"', '"z"'))]],
});

testRule('tensors/repeated-output', {
  fires: [[python(output), ["m/config.pbtxt:4:10 warning output 'y' is declared twice"]]],
  silent: [[python(output.replace('"y"', '"x"'))]],
});

testRule('tensors/none', {
  fires: [
    [
      { 'm/config.pbtxt': 'backend: "python"', 'm/1/model.py': 'class TritonPythonModel: pass' },
      [
        'm/config.pbtxt:1:1 warning m declares no input, and model.py has no auto_complete_config',
        'm/config.pbtxt:1:1 warning m declares no output, and model.py has no auto_complete_config',
      ],
    ],
    [
      { 'm/config.pbtxt': `backend: "pytorch"\n${output}`, 'm/1/model.pt': 1 },
      ['m/config.pbtxt:1:1 error m declares no input'],
    ],
  ],
  silent: [
    [python()],
    [{ 'm/config.pbtxt': 'backend: "python"', 'm/1/model.py': 'def auto_complete_config(c): pass' }],
    [{ 'm/config.pbtxt': 'backend: "tensorrt"', 'm/1/model.plan': 1 }],
  ],
});

const torch = (...outputs: string[]) => ({
  'm/config.pbtxt': `backend: "pytorch"\ninput { ${typed} dims: [ 4 ] }\n${outputs.map((name) => `output { name: "${name}" data_type: TYPE_FP32 dims: [ 4 ] }`).join('\n')}`,
  'm/1/model.pt': 1,
});

testRule('tensors/pytorch-order', {
  fires: [
    [
      torch('OUTPUT__1', 'logits'),
      [
        "m/config.pbtxt:4:16 warning output 'logits' has no index as the others have, so outputs are taken in the order of the config",
      ],
    ],
  ],
  silent: [[torch('OUTPUT__0', 'OUTPUT__1')], [torch('logits', 'scores')], [python(output.replace('"y"', '"y__1"'))]],
});

const batchInput = (inner: string) => python(`max_batch_size: 8\nbatch_input [ { ${inner} } ]`);

testRule('tensors/batch-input', {
  fires: [
    [
      batchInput('target_name: "c" data_type: TYPE_INT64'),
      [
        'm/config.pbtxt:5:15 error batch_input[0] has 0 source inputs, it must have 1',
        'm/config.pbtxt:5:45 error batch_input[0] has INT64, it must be INT32 or FP32',
      ],
    ],
    [
      batchInput('kind: 9 target_name: "c" data_type: TYPE_INT32 source_input: "xx"'),
      [
        'm/config.pbtxt:5:23 error batch_input[0] has kind 9, which has no name',
        "m/config.pbtxt:5:78 error batch_input[0] derives from 'xx', which is no declared input; did you mean 'x'?",
      ],
    ],
  ],
  silent: [[batchInput('target_name: "c" data_type: TYPE_INT32 source_input: "x"')], [python()]],
});

const batchOutput = (inner: string) => python(`max_batch_size: 8\nbatch_output [ { ${inner} } ]`);

testRule('tensors/batch-output', {
  fires: [
    [
      batchOutput('source_input: "x"'),
      ['m/config.pbtxt:5:16 error batch_output[0] has no target_name; the server crashes on it'],
    ],
    [
      batchOutput('target_name: [ "y", "y", "logits" ]'),
      [
        'm/config.pbtxt:5:16 error batch_output[0] has 0 source inputs, it must have 1',
        "m/config.pbtxt:5:38 error batch_output[0] targets output 'y', which is targeted already",
        "m/config.pbtxt:5:43 error batch_output[0] targets 'logits', which is no declared output",
      ],
    ],
    [
      batchOutput('target_name: "y" source_input: "text"'),
      ["m/config.pbtxt:5:49 error batch_output[0] goes by 'text', which is no declared input"],
    ],
  ],
  silent: [[batchOutput('target_name: "y" source_input: "x"')], [python()]],
});

const ragged = (batch: string, lines = '') => ({
  'm/config.pbtxt': `backend: "onnxruntime" ${batch}\ninput [ { ${typed} dims: [ -1 ] allow_ragged_batch: true } ]\n${output}\n${lines}`,
  'm/1/': '',
});

testRule('tensors/ragged', {
  fires: [
    [ragged(''), ["m/config.pbtxt:2:75 warning input 'x' is ragged, but max_batch_size is 0: nothing is merged"]],
    [
      ragged('max_batch_size: 8'),
      ["m/config.pbtxt:2:75 warning input 'x' is ragged, but no batch_input tells where its rows end"],
    ],
  ],
  silent: [
    [ragged('max_batch_size: 8', 'batch_input { target_name: "c" data_type: TYPE_INT32 source_input: "x" }')],
    [input(`${typed} dims: [ -1 ] allow_ragged_batch: true`)],
  ],
});

test('a faulty tensor is reported once, not again by what compares it', () => {
  expect(findings(input('name: "x" dims: [ 0 ] reshape { shape: [ 2 ] }'))).toEqual([
    "m/config.pbtxt:2:9 error [tensors/type-missing] input 'x' has no data_type",
    "m/config.pbtxt:2:29 error [tensors/dim-illegal] input 'x' has dimension 0 in dims [0], it must be 1 or more, or -1",
  ]);
});
