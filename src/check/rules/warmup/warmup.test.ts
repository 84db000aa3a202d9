import { type Files, floatsInAndOut, header, onnx, python, testRule } from '../../testing.ts';

/** `max_batch_size` on line 4, the sample on line 5, its inputs from line 6 on. */
const sample = (inputs: string, more: Files = {}, batch = 'max_batch_size: 8', size = 'batch_size: 1') =>
  python(`${batch}\nmodel_warmup [ { name: "w" ${size}\n${inputs}\n} ]`, more);
const input = (value: string, name = 'x') => `inputs { key: "${name}" value { ${value} } }`;
const zeros = 'data_type: TYPE_FP32 dims: [ 4 ] zero_data: true';

testRule('warmup/dims', {
  fires: [
    [
      sample(input('data_type: TYPE_FP32 dims: [ 4, -1 ] zero_data: true')),
      ["m/config.pbtxt:6:59 error warm-up sample 'w' has variable dims [4, -1] for input 'x'"],
    ],
  ],
  silent: [[sample(input(zeros))], [sample(input('dims: [ -1 ]'), {}, '', '')]],
});

testRule('warmup/data-missing', {
  fires: [
    [
      sample(input('data_type: TYPE_FP32 dims: [ 4 ]')),
      ["m/config.pbtxt:6:19 error warm-up sample 'w' gives no data for input 'x'"],
    ],
  ],
  silent: [[sample(input('data_type: TYPE_FP32 dims: [ 4 ] zero_data: false'))], [sample(input(zeros))]],
});

const data = input('data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "f"');
const strings = input('data_type: TYPE_STRING dims: [ 2 ] input_data_file: "f"');

testRule('warmup/file', {
  fires: [
    [sample(data), ["m/config.pbtxt:6:77 error warm-up sample 'w' reads warmup/f, which does not exist"]],
    [
      sample(data, { 'm/warmup/f': 15 }),
      ["m/config.pbtxt:6:77 error warm-up sample 'w' reads warmup/f with 15 bytes, input 'x' needs 16"],
    ],
    [
      sample(data.replace('"f"', '"../../f"'), { f: 16 }),
      ["m/config.pbtxt:6:77 error warm-up sample 'w' reads warmup/../../f, which does not exist"],
    ],
    [
      sample(strings, { 'm/warmup/f': '\u0001\u0000\u0000\u0000a' }),
      ["m/config.pbtxt:6:79 error warm-up sample 'w' reads warmup/f with 1 string, input 'x' needs 2"],
    ],
    [
      sample(strings, { 'm/warmup/f': 'abcd' }),
      [
        "m/config.pbtxt:6:79 error warm-up sample 'w' reads warmup/f, which is no list of strings: BYTES element 0: length 1684234849, but 0 bytes follow",
      ],
    ],
  ],
  silent: [
    [sample(data, { 'm/warmup/f': 16 })],
    [sample(data, { 'm/warmup/f': 17 })],
    [sample(strings, { 'm/warmup/f': '\u0001\u0000\u0000\u0000a\u0000\u0000\u0000\u0000' })],
  ],
});

testRule('warmup/request', {
  fires: [
    [sample(''), ["m/config.pbtxt:5:16 error warm-up sample 'w' lacks input 'x'"]],
    [
      sample(input(zeros), {}, 'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }'),
      ["m/config.pbtxt:6:1 error warm-up sample 'w' cannot give input 'x' twice, as often as it is declared"],
    ],
    [
      sample(input('data_type: TYPE_INT32 dims: [ 5 ] zero_data: true')),
      [
        "m/config.pbtxt:6:38 error warm-up sample 'w' gives input 'x' as INT32, the model takes FP32",
        "m/config.pbtxt:6:49 error warm-up sample 'w' gives input 'x' as [batch, 5], the model takes [batch, 4]",
      ],
    ],
    [
      sample(input('dims: [ 4, 1 ] zero_data: true'), {}, ''),
      [
        "m/config.pbtxt:6:19 error warm-up sample 'w' gives input 'x' as no type, the model takes FP32",
        "m/config.pbtxt:6:27 error warm-up sample 'w' gives input 'x' as [4, 1], the model takes [4]",
      ],
    ],
  ],
  silent: [
    [sample(input(zeros))],
    [sample('', {}, 'max_batch_size: 8', 'batch_size: 0')],
    [python('model_warmup [ { batch_size: 1 } ]', {}, floatsInAndOut.replace('"x"', '"x" optional: true'))],
  ],
});

const control = 'control_input { name: "s" control { int32_false_true: [ 0, 1 ] } }';

testRule('warmup/unknown-input', {
  fires: [
    [
      sample(`${input(zeros)}\n${input(zeros, 'xs')}`),
      ["m/config.pbtxt:7:20 warning warm-up sample 'w' gives 'xs', which is no input of the model; did you mean 'x'?"],
    ],
  ],
  silent: [[sample(input(zeros))], [sample(input(zeros, 's'), {}, `sequence_batching { ${control} }`)]],
});

testRule('warmup/batch-size', {
  fires: [
    [
      sample(input(zeros), {}, 'max_batch_size: 8', 'batch_size: 9'),
      ["m/config.pbtxt:5:40 error warm-up sample 'w' has batch_size 9, max_batch_size is 8"],
    ],
    [
      sample(input(zeros), {}, '', 'batch_size: 3'),
      ["m/config.pbtxt:5:40 error warm-up sample 'w' has batch_size 3, max_batch_size is 0, which allows 1"],
    ],
  ],
  silent: [[sample(input(zeros), {}, 'max_batch_size: 8', 'batch_size: 8')], [sample(input(zeros), {}, '')]],
});

testRule('warmup/skipped', {
  fires: [
    [
      sample(input(zeros), {}, '', ''),
      ["m/config.pbtxt:5:16 warning warm-up sample 'w' has no batch_size and is skipped"],
    ],
    [
      sample(input(zeros), {}, '', 'batch_size: 0'),
      ["m/config.pbtxt:5:40 warning warm-up sample 'w' has batch_size 0 and is skipped"],
    ],
  ],
  silent: [[sample(input(zeros))]],
});

const graph = header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] });

testRule('warmup/none', {
  fires: [
    [onnx(floatsInAndOut, graph), ['m/config.pbtxt:1:1 warning m has no model_warmup: its first requests are slow']],
  ],
  silent: [[onnx(`${floatsInAndOut}\nmodel_warmup { batch_size: 1 ${input(zeros)} }`, graph)], [python()]],
});
