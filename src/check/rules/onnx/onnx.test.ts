import { expect, test } from 'vitest';
import { ConchError } from '../../../base/index.ts';
import { type Files, findings, floatsInAndOut, header, onnx, testRule } from '../../testing.ts';

const graph = header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] });
const good = onnx(floatsInAndOut, graph);
/** Input x on line 3, output y on line 4, with these dims. */
const dims = (input: string, output: string, more = '') =>
  `input [ { name: "x" data_type: TYPE_FP32 dims: [ ${input} ] ${more} } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ ${output} ] } ]`;
const zeroBatch = 'max_batch_size: 0';

testRule('onnx/unreadable', {
  fires: [
    [
      {
        'm/config.pbtxt': 'backend: "onnxruntime"',
        'm/1/model.onnx': new ConchError('ONNX_INVALID', 'model.onnx: the file is empty, not an ONNX model', {
          where: { file: '/models/m/1/model.onnx' },
        }),
      },
      ['m/1/model.onnx error model.onnx: the file is empty, not an ONNX model'],
    ],
  ],
  silent: [[good]],
});

testRule('onnx/ir-version', {
  fires: [
    [
      onnx(floatsInAndOut, header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] }, { irVersion: 99 })),
      [
        expect.stringMatching(
          /^m\/1\/model.onnx error the model has IR version 99, ONNX Runtime 1\.24\.2 of triton:26\.03 loads up to \d+$/,
        ),
      ],
    ],
  ],
  silent: [[good]],
});

testRule('onnx/opset', {
  fires: [
    [
      onnx(
        floatsInAndOut,
        header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4] }, { opsets: [{ domain: '', version: 99 }] }),
      ),
      [
        expect.stringMatching(
          /^m\/1\/model.onnx error the model needs opset 99, ONNX Runtime 1\.24\.2 of triton:26\.03 supports up to \d+$/,
        ),
      ],
    ],
  ],
  silent: [[good], [onnx(floatsInAndOut, { ...graph, opsets: [{ domain: 'com.microsoft', version: 99 }] })]],
});

const withOperators = (...types: string[]) => ({
  ...graph,
  operators: types.map((type) => {
    const [name, domain = ''] = type.split('@');
    return { domain, type: name!, count: 1 };
  }),
});

testRule('onnx/operator-domain', {
  fires: [
    [
      onnx(floatsInAndOut, withOperators('Add', 'BertTokenizer@ai.onnx.contrib')),
      [
        "m/1/model.onnx error the model uses 1 operator of domain ai.onnx.contrib ('BertTokenizer'), which need onnxruntime-extensions; model_operations names no library",
      ],
    ],
    [
      onnx(floatsInAndOut, withOperators('A@company', 'B@company')),
      [
        "m/1/model.onnx warning the model uses 2 operators of domain company ('A' and 'B'), which ONNX Runtime does not have; model_operations names no library",
      ],
    ],
  ],
  silent: [
    [onnx(floatsInAndOut, withOperators('Add', 'TreeEnsemble@ai.onnx.ml', 'Gelu@com.microsoft'))],
    [onnx(`${floatsInAndOut}\nmodel_operations { op_library_filename: "/opt/x.so" }`, withOperators('A@company'))],
  ],
});

testRule('onnx/op-library', {
  fires: [
    [
      onnx(`${floatsInAndOut}\nmodel_operations { op_library_filename: "libx.so" }`, graph, { 'm/1/libx.so': 9 }),
      [
        "m/config.pbtxt:5:41 warning op_library_filename 'libx.so' is relative to where the server is started, not to the model folder that holds it",
      ],
    ],
    [
      onnx(`${floatsInAndOut}\nmodel_operations { op_library_filename: "libx.so" }`, graph),
      [
        "m/config.pbtxt:5:41 warning op_library_filename 'libx.so' is relative to where the server is started, and the model folder does not hold it",
      ],
    ],
  ],
  silent: [[onnx(`${floatsInAndOut}\nmodel_operations { op_library_filename: "/opt/x.so" }`, graph)], [good]],
});

const external = (location: string, size: number, more: Files = {}) =>
  onnx(floatsInAndOut, { ...graph, externalFiles: [location], externalSizes: { [location]: size } }, more);

testRule('onnx/external-data', {
  fires: [
    [
      external('model.onnx.data', 100),
      ["m/1/model.onnx error the model keeps weights in 'model.onnx.data', which version 1 does not hold"],
    ],
    [
      external('model.onnx.data', 100, { 'm/1/model.onnx.data': 99 }),
      ["m/1/model.onnx error 'model.onnx.data' has 99 bytes, the model's weights reach to byte 100"],
    ],
    [
      external('../secret', 1),
      ["m/1/model.onnx error the model keeps weights in '../secret', which leads out of the version folder"],
    ],
  ],
  silent: [
    [external('model.onnx.data', 100, { 'm/1/model.onnx.data': 100 })],
    [external('weights/a.bin', 1, { 'm/1/weights/a.bin': 1 })],
    [good],
  ],
});

testRule('onnx/value-type', {
  fires: [
    [
      onnx('', {
        ...graph,
        outputs: [
          { name: 'label', datatype: undefined, onnxType: 0, shape: undefined },
          { name: 'small', datatype: undefined, onnxType: 17, shape: ['N'] },
        ],
      }),
      [
        "m/config.pbtxt:1:1 error 'label' of the ONNX model is not a tensor",
        "m/config.pbtxt:1:1 error 'small' of the ONNX model is of ONNX type 17, which Triton does not have",
      ],
    ],
  ],
  silent: [
    [good],
    [
      onnx(floatsInAndOut, {
        ...graph,
        outputs: [...graph.outputs, { name: 'map', datatype: undefined, onnxType: 0, shape: undefined }],
      }),
    ],
  ],
});

const renamed = header({ input_ids: ['INT64', 'N', 'S'], x: ['FP32', 'N', 4] }, { logits: ['FP32', 'N', 4] });

testRule('onnx/unknown-tensor', {
  fires: [
    [
      onnx(floatsInAndOut.replace('"y"', '"logit"').replace('"x"', '"image"'), renamed),
      [
        "m/config.pbtxt:3:17 error the ONNX model has no input 'image', its inputs are 'input_ids' and 'x'",
        "m/config.pbtxt:4:18 error the ONNX model has no output 'logit', its outputs are 'logits'",
      ],
    ],
    [
      onnx(
        `${floatsInAndOut}\nbatch_input { target_name: "n" data_type: TYPE_INT32 source_input: "x" }\nsequence_batching { control_input { name: "s" control { int32_false_true: [ 0, 1 ] } } state { input_name: "h" output_name: "h2" } }`,
        graph,
      ),
      [
        "m/config.pbtxt:5:28 error the ONNX model has no input 'n', its inputs are 'x'",
        "m/config.pbtxt:6:43 error the ONNX model has no input 's', its inputs are 'x'",
        "m/config.pbtxt:6:108 error the ONNX model has no input 'h', its inputs are 'x'",
        "m/config.pbtxt:6:125 error the ONNX model has no output 'h2', its outputs are 'y'",
      ],
    ],
    [
      {
        ...onnx(`${floatsInAndOut}\nversion_policy { all {} }`, graph),
        'm/2/model.onnx': header({ x: ['FP32', 'N', 4] }, { z: ['FP32', 'N', 4] }),
      },
      ["m/config.pbtxt:4:18 error the ONNX model has no output 'y', its outputs are 'z' (version 2)"],
    ],
  ],
  silent: [
    [good],
    [onnx(dims('4', '4', 'optional: true'), { ...graph, inputs: [], overridable: ['x'] }, {}, zeroBatch)],
    [onnx('', graph)],
  ],
});

testRule('onnx/input-missing', {
  fires: [
    [
      onnx(floatsInAndOut, renamed),
      [
        "m/config.pbtxt:3:1 error the ONNX model needs input 'input_ids' (INT64 [batch=N, S]), which the config does not declare",
      ],
    ],
    [
      onnx(dims('4', '4', 'optional: true'), graph, {}, zeroBatch),
      ["m/config.pbtxt:3:64 error input 'x' is optional, but the ONNX model has no default for it"],
    ],
  ],
  silent: [
    [good],
    [
      onnx(
        `${floatsInAndOut}\nbatch_input { target_name: "n" data_type: TYPE_INT32 source_input: "x" }`,
        header({ x: ['FP32', 'N', 4], n: ['INT32', 'N'] }, { y: ['FP32', 'N', 4] }),
      ),
    ],
  ],
});

testRule('onnx/input-repeated', {
  fires: [
    [
      onnx(`${floatsInAndOut}\ninput { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }`, graph),
      ["m/config.pbtxt:5:1 error input 'x' is declared twice"],
    ],
  ],
  silent: [[good]],
});

testRule('onnx/datatype', {
  fires: [
    [
      onnx(floatsInAndOut, header({ x: ['INT64', 'N', 4] }, { y: ['BYTES', 'N', 4] })),
      [
        "m/config.pbtxt:3:32 error input 'x' is FP32, in the ONNX model it is INT64",
        "m/config.pbtxt:4:33 error output 'y' is FP32, in the ONNX model it is BYTES",
      ],
    ],
    [
      onnx(
        `${floatsInAndOut}\nbatch_input { target_name: "n" data_type: TYPE_FP32 source_input: "x" }`,
        header({ x: ['FP32', 'N', 4], n: ['INT32', 'N'] }, { y: ['FP32', 'N', 4] }),
      ),
      ["m/config.pbtxt:5:43 error batch input 'n' is FP32, in the ONNX model it is INT32"],
    ],
  ],
  silent: [[good]],
});

testRule('onnx/batch-dimension', {
  fires: [
    [
      onnx(floatsInAndOut, header({ x: ['FP32', 1, 4] }, { y: ['FP32', 'N', 4] })),
      [
        "m/config.pbtxt:3:42 error max_batch_size is 8, but 'x' of the ONNX model is [batch=1, 4]: its first dimension is fixed",
      ],
    ],
    [
      onnx('', header({ x: ['FP32', 'N', 4] }, { y: ['FP32'] })),
      ["m/config.pbtxt:2:17 error max_batch_size is 8, but 'y' of the ONNX model has no dimension at all"],
    ],
  ],
  silent: [
    [good],
    [onnx(dims('1, 4', '1, 4'), header({ x: ['FP32', 1, 4] }, { y: ['FP32', 1, 4] }), {}, zeroBatch)],
    [onnx(floatsInAndOut, header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', 4], unused: ['FP32', 1] }))],
  ],
});

testRule('onnx/shape', {
  fires: [
    [
      onnx(dims('3, 224, 224', '10'), header({ x: ['FP32', 'N', 3, 'H'] }, { y: ['FP32', 'N', 7] })),
      [
        "m/config.pbtxt:3:42 error input 'x' is [batch, 3, 224, 224], in the ONNX model it is [batch=N, 3, H]: the ranks are 4 and 3",
        "m/config.pbtxt:4:51 error output 'y' is [batch, 10], in the ONNX model it is [batch=N, 7]: dims[0] must be 7",
      ],
    ],
    [
      onnx(dims('-1', '4'), header({ x: ['FP32', 'N', 4] }, { y: ['FP32', 'N', undefined] })),
      [
        "m/config.pbtxt:3:50 error input 'x' is [batch, -1], in the ONNX model it is [batch=N, 4]: dims[0] must be 4",
        "m/config.pbtxt:4:51 error output 'y' is [batch, 4], in the ONNX model it is [batch=N, ?]: dims[0] is dynamic there and must be -1 in an output",
      ],
    ],
    [
      onnx(dims('4', '2'), header({ x: ['FP32', 4] }, { y: ['FP32'] }), {}, zeroBatch),
      [
        "m/config.pbtxt:4:43 error output 'y' is [2], in the ONNX model it is []: it is a scalar, so all dims must be 1",
      ],
    ],
    [
      onnx(dims('4', '4', 'reshape { shape: [ 2, 2 ] }'), graph),
      [
        "m/config.pbtxt:3:64 error input 'x' is [batch, 2, 2], in the ONNX model it is [batch=N, 4]: the ranks are 3 and 2",
      ],
    ],
  ],
  silent: [
    [good],
    [
      onnx(
        `${dims('-1', '-1, 4', 'allow_ragged_batch: true')} batch_output { target_name: "y" source_input: "x" }`,
        header({ x: ['FP32', 'T'] }, { y: ['FP32', 'T', 4] }),
      ),
    ],
    [onnx(dims('128', '-1'), header({ x: ['FP32', 'N', 'S'] }, { y: ['FP32', 'N', 'S'] }))],
    [onnx(dims('1', '1'), header({ x: ['FP32'] }, { y: ['FP32', 1] }), {}, zeroBatch)],
    [onnx(dims('1', '4', 'reshape { shape: [] }'), header({ x: ['FP32', 'N'] }, { y: ['FP32', 'N', 4] }))],
  ],
});

testRule('onnx/ragged', {
  fires: [
    [
      onnx(dims('-1', '4', 'allow_ragged_batch: true'), header({ x: ['FP32', 'N', 'S'] }, { y: ['FP32', 'N', 4] })),
      [
        "m/config.pbtxt:3:75 error input 'x' is ragged, in the ONNX model it is [N, S], it must be one dynamic dimension",
      ],
    ],
  ],
  silent: [
    [onnx(dims('-1', '4', 'allow_ragged_batch: true'), header({ x: ['FP32', 'T'] }, { y: ['FP32', 'N', 4] }))],
    [good],
  ],
});

testRule('onnx/optional', {
  fires: [
    [
      onnx(dims('4', '4', 'optional: true'), { ...graph, inputs: [], overridable: ['x'] }),
      ["m/config.pbtxt:3:64 error input 'x' is optional, which ONNX Runtime cannot have with max_batch_size 8"],
    ],
  ],
  silent: [
    [onnx(dims('4', '4', 'optional: true'), { ...graph, inputs: [], overridable: ['x'] }, {}, zeroBatch)],
    [good],
  ],
});

const control = (pair: string) =>
  `${floatsInAndOut}\nsequence_batching { control_input { name: "s" control { ${pair} } } }`;
const start = (...shape: ['INT32', ...(string | number)[]]) =>
  header({ x: ['FP32', 'N', 4], s: shape }, { y: ['FP32', 'N', 4] });

testRule('onnx/control-input', {
  fires: [
    [
      onnx(control('fp32_false_true: [ 0, 1 ]'), start('INT32', 'N', 2)),
      [
        "m/config.pbtxt:5:43 error control input 's' is [batch=N, 2] in the ONNX model, it must be [batch, 1]",
        "m/config.pbtxt:5:47 error control input 's' is FP32, in the ONNX model it is INT32",
      ],
    ],
  ],
  silent: [[onnx(control('int32_false_true: [ 0, 1 ]'), start('INT32', 'N', 1))], [good]],
});

testRule('onnx/auto-batch', {
  fires: [
    [
      onnx('', graph, {}, ''),
      [
        'm/config.pbtxt:1:1 warning max_batch_size is absent and Triton makes it 4: every tensor has a dynamic first dimension; default-max-batch-size is 4',
      ],
    ],
  ],
  silent: [[good], [onnx(floatsInAndOut, graph, {}, '')], [onnx('', graph)]],
});

const parameter = (key: string, value: string) =>
  onnx(`${floatsInAndOut}\nparameters { key: "${key}" value { string_value: "${value}" } }`, graph);

testRule('onnx/parameter', {
  fires: [
    [
      parameter('intra_op_thread_count', 'two'),
      ["m/config.pbtxt:5:65 error parameter intra_op_thread_count is 'two', it must be a whole number"],
    ],
    [
      parameter('execution_mode', '2'),
      ["m/config.pbtxt:5:58 error parameter execution_mode is '2', it must be 0 (sequential) or 1 (parallel)"],
    ],
  ],
  silent: [[parameter('intra_op_thread_count', '2')], [parameter('own', 'x')], [parameter('toString', 'x')]],
});

const accelerator = (field: string, name: string) =>
  onnx(`${floatsInAndOut}\noptimization { execution_accelerators { ${field} { name: "${name}" } } }`, graph);

testRule('onnx/accelerator', {
  fires: [
    [
      accelerator('cpu_execution_accelerator', 'onednn'),
      ["m/config.pbtxt:5:75 error accelerator 'onednn' is unknown for CPU instances, it can be 'openvino'"],
    ],
    [
      accelerator('gpu_execution_accelerator', 'openvino'),
      ["m/config.pbtxt:5:75 error accelerator 'openvino' is unknown for GPU instances, it can be 'tensorrt' or 'cuda'"],
    ],
  ],
  silent: [[accelerator('gpu_execution_accelerator', 'tensorrt')], [good]],
});

test('the fix of a fixed batch dimension names both ways out, with the dims to write', async () => {
  const { check } = await import('../../check.ts');
  const { snapshot } = await import('../../testing.ts');
  const [found] = check(snapshot(onnx(floatsInAndOut, header({ x: ['FP32', 1, 4] }, { y: ['FP32', 'N', 4] })))).filter(
    (one) => one.code === 'onnx/batch-dimension',
  );
  expect(found?.fix?.text).toBe(
    "export the model with a dynamic first dimension on 'x', or set max_batch_size: 0 and dims: [ 1, 4 ]",
  );
});

test('a good model has only its missing warm-up to answer for', () => {
  expect(findings(good)).toEqual([
    'm/config.pbtxt:1:1 warning [warmup/none] m has no model_warmup: its first requests are slow',
  ]);
});
