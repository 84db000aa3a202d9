import { rm } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { GraphBuilder, writeOnnx } from '../../onnx/index.ts';
import type { Manifest } from '../index.ts';
import { freshRepository, infer, inModel, write } from './testing.ts';

freshRepository();

const manifest = (more: Partial<Manifest>): string => {
  const tensors = {
    inputs: [{ name: 'x', datatype: 'FP32', dims: [-1, 4] }],
    outputs: [{ name: 'y', datatype: 'BYTES', dims: [1] }],
  };
  const tool = { name: 'conch-triton', version: '0', node: '0' };
  const head = { format: 1, name: 'm', version: 1, inputsHash: 'h', inputs: {}, artifacts: {}, tool, created: '' };
  return JSON.stringify({ ...head, target: 'triton:26.07', source: {}, tensors, ...more });
};

describe('ONNX', () => {
  test('a model without a configuration gets all that Triton would fill in', async () => {
    const { text, changes, notes, gaps } = await infer({ '1/model.onnx': '@onnx/row_sum.onnx' });
    expect(text).toBe(`name: "m"
platform: "onnxruntime_onnx"
backend: "onnxruntime"
version_policy { latest { num_versions: 1 } }
max_batch_size: 4
input [
  {
    name: "ids"
    data_type: TYPE_INT64
    dims: [ -1 ]
  }
]
output [
  {
    name: "total"
    data_type: TYPE_INT64
    dims: [ 1 ]
  }
]
dynamic_batching { }
default_model_filename: "model.onnx"
`);
    expect(changes).toEqual([
      ...[
        'name server',
        'backend server',
        'platform server',
        'default_model_filename server',
        'version_policy default',
      ],
      ...['max_batch_size backend', 'dynamic_batching backend', 'input file', 'output file'],
    ]);
    expect(notes).toEqual([
      'every input and output begins with a dynamic dimension (ids [batch, sequence], total [batch, 1]), which is taken for ' +
        'the batch: max_batch_size is 4, the default of the server, and dims leave that dimension out',
    ]);
    expect(gaps).toEqual([]);
  });

  test('the batch size may be given, also as none', async () => {
    const files = { '1/model.onnx': '@onnx/row_sum.onnx' };
    const eight = await infer(files, { maxBatchSize: 8 });
    expect(eight.config.max_batch_size).toBe(8);
    expect(eight.notes[0]).toMatch(/: max_batch_size is 8, and dims leave that dimension out$/);
    const none = await infer(files, { maxBatchSize: 0 });
    expect(none.config).toMatchObject({ max_batch_size: 0, input: [{ dims: [-1, -1] }], output: [{ dims: [-1, 1] }] });
    expect(none.config.dynamic_batching).toBeUndefined();
    expect(none.notes).toEqual([
      'max_batch_size is 0 as asked for: dims are whole shapes, and Triton forms no batches',
    ]);
    expect((await infer(files, { defaultMaxBatchSize: 16 })).config.max_batch_size).toBe(16);
  });

  test('a graph without inputs needs none, and a dimension of 0 is asked for', async () => {
    const graph = new GraphBuilder('g', { opset: 17, irVersion: 8 });
    graph.output('y', graph.constant('FP32', [0], new Float32Array()), [0]);
    await write({ '1/.keep': '' });
    await writeOnnx(inModel('1/model.onnx'), graph, { producer: { name: 'test', version: '1' } });
    const { gaps, config } = await infer({});
    expect(config.input ?? []).toEqual([]);
    expect(gaps).toEqual([
      "output[0].dims: a size, or -1, in place of the 0 in the dims of output 'y', which Triton refuses",
    ]);
  });

  test('a fixed first dimension is no batch', async () => {
    const { config, notes } = await infer({ '1/model.onnx': '@onnx/double.onnx' });
    expect(config).toMatchObject({ input: [{ dims: [3] }], output: [{ dims: [3] }] });
    expect(config.max_batch_size).toBeUndefined();
    expect(notes).toEqual([
      'x [3] has a fixed first dimension, so that Triton forms no batches: max_batch_size is 0, dims are whole shapes',
    ]);
  });

  test('first dimensions of different names are doubted, many tensors are cut short', async () => {
    const { notes } = await infer({ '1/model.onnx': '@onnx/collapse.onnx' });
    expect(notes[1]).toBe(
      'those first dimensions have different names (batch, rows): if they are not one batch, use --max-batch-size 0',
    );
    const many = await infer({ '1/model.onnx': '@onnx/identities.onnx' });
    expect(many.notes[0]).toContain('in_int32 [batch, 2], 18 more), which is taken for the batch');
    expect((await infer({ '1/model.onnx': '@onnx/scalar.onnx' })).notes[0]).toMatch(
      /^x \[\] has no dimensions, so that/,
    );
  });

  test('what is configured stays, and only a missing side is added', async () => {
    const config =
      'input { name: "ids" data_type: TYPE_INT64 dims: 7 }\nmax_batch_size: 2\ninstance_group { count: 3 }';
    const { changes, config: found } = await infer({ '1/model.onnx': '@onnx/row_sum.onnx', 'config.pbtxt': config });
    expect(found).toMatchObject({ max_batch_size: 2, input: [{ dims: [7] }], instance_group: [{ count: 3 }] });
    expect(Object.keys(found.instance_group![0]!)).toEqual(['count']);
    expect(changes.slice(-2)).toEqual(['dynamic_batching backend', 'output file']);
  });

  test('nothing is missing in a complete configuration', async () => {
    await infer({ '1/model.onnx': '@onnx/row_sum.onnx' }).then(({ text }) => write({ 'config.pbtxt': text }));
    expect(await infer({})).toMatchObject({ changes: [], notes: [], gaps: [] });
  });

  test('what Triton would refuse is refused', async () => {
    const fixed = { '1/model.onnx': '@onnx/double.onnx', 'config.pbtxt': '\nmax_batch_size: 8' };
    await expect(infer(fixed)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('max_batch_size is 8, but x of the ONNX model has the shape [3]'),
      where: { file: inModel('config.pbtxt'), line: 2, column: 17 },
    });
    await expect(infer({ '1/model.onnx': '@onnx/sequence.onnx', 'config.pbtxt': '' })).rejects.toThrow(
      'is not a tensor',
    );
  });

  test('a file that is missing or broken is named', async () => {
    await expect(infer({ '1/other.onnx': '', 'config.pbtxt': 'backend: "onnxruntime"' })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `${inModel('1/model.onnx')} is missing`,
      fix: 'put the model file there, or name another one in default_model_filename',
    });
    await expect(infer({ '1/model.onnx': 'x' })).rejects.toMatchObject({ code: 'ONNX_INVALID' });
  });
});

describe('conch.json', () => {
  const plan = { '1/model.plan': 'x' };

  test('tells the tensors of a plan, and its profiles the batch', async () => {
    const profiles = [{ min: 1, max: 2 }, { min: 3, max: 16 }]; // biome-ignore format: one line
    const { config, changes, notes, gaps } = await infer({
      ...plan,
      'conch.json': manifest({ tensorrt: { profiles } }),
    });
    expect(config).toMatchObject({
      platform: 'tensorrt_plan',
      max_batch_size: 16,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1, 4] }],
      output: [{ name: 'y', data_type: 'TYPE_STRING', dims: [1] }],
      dynamic_batching: {},
    });
    expect(changes.slice(0, 4)).toEqual(['input file', 'output file', 'max_batch_size file', 'dynamic_batching file']);
    expect(notes).toEqual(['the profiles of the plan go up to batches of 16: max_batch_size is 16']);
    expect(gaps).toEqual([]);
  });

  test('without profiles the batch is that of Triton, or the one given', async () => {
    const files = { ...plan, 'conch.json': manifest({}) };
    expect(await infer(files)).toMatchObject({
      config: { max_batch_size: 4 },
      notes: [
        'conch.json does not say how large a batch may be: max_batch_size is 4, the default of Triton; --max-batch-size sets another',
      ],
    });
    expect((await infer(files, { maxBatchSize: 1 })).config).toMatchObject({ max_batch_size: 1 });
    expect((await infer(files, { maxBatchSize: 1 })).config.dynamic_batching).toBeUndefined();
    const kept = await infer({ ...files, 'config.pbtxt': 'max_batch_size: 2 sequence_batching { }' });
    expect(kept.config).toMatchObject({ max_batch_size: 2, sequence_batching: {} });
    expect(kept.notes).toEqual([]);
  });

  test('without its tensors a plan stays open', async () => {
    const { gaps } = await infer({ ...plan, 'conch.json': manifest({ tensors: {} }) });
    expect(gaps).toEqual([
      'input: the inputs of the plan (or leave them to Triton): only TensorRT can read them, and conch.json has none',
      'output: the outputs of the plan (or leave them to Triton): only TensorRT can read them, and conch.json has none',
    ]);
  });
});

describe('TorchScript', () => {
  test('names from the archive, and gaps for what it does not tell', async () => {
    const { config, notes, gaps } = await infer({ '1/model.pt': '@torchscript/scripted.pt' });
    expect(config).toMatchObject({
      platform: 'pytorch_libtorch',
      backend: 'pytorch',
      max_batch_size: 0,
      input: [{ name: 'x' }, { name: 'mask' }],
      output: [{ name: 'OUTPUT__0' }, { name: 'OUTPUT__1' }],
    });
    expect(notes).toEqual(['1/model.pt declares forward(x: Tensor, mask: Optional[Tensor]) -> Tuple[Tensor, Tensor]']);
    expect(gaps).toEqual([
      'max_batch_size: the largest batch, if every first dimension is one (then leave it out of dims); 1/model.pt does not tell',
      'input[0]: data_type and dims of x, which 1/model.pt does not tell',
      'input[1]: data_type and dims of mask, which 1/model.pt does not tell',
      'output[0]: data_type and dims of result 0, which 1/model.pt does not tell',
      'output[1]: data_type and dims of result 1, which 1/model.pt does not tell',
    ]);
  });

  test('a traced model also tells types and shapes', async () => {
    const { config, gaps } = await infer({ '1/model.pt': '@torchscript/traced.pt' });
    expect(config.input).toEqual([
      { name: 'input_ids', data_type: 'TYPE_INT64', dims: [1, 3] },
      { name: 'flag', data_type: 'TYPE_BOOL', dims: [1, 3] },
      { name: 'scalar', data_type: 'TYPE_FP32' },
    ]);
    expect(gaps.slice(1)).toEqual([
      'input[0].dims: -1 where input_ids may vary from [1, 3], the shape it was traced with',
      'input[1].dims: -1 where flag may vary from [1, 3], the shape it was traced with',
      'input[2].dims: dims of scalar: it was traced with a scalar, which Triton cannot feed; export it with a dimension',
      'output: the outputs, once forward returns a Tensor, a List[str] or a Tuple of these: Triton does not take Dict[str, Tensor]',
    ]);
  });

  test('strings are told, other types cannot be fed', async () => {
    const { config, gaps } = await infer({
      '1/model.pt': '@torchscript/texts.pt',
      'config.pbtxt': 'max_batch_size: 0',
    });
    expect(config.input).toEqual([{ name: 'texts', data_type: 'TYPE_STRING', dims: [-1] }]);
    expect(config.output).toEqual([{ name: 'OUTPUT__0', data_type: 'TYPE_STRING', dims: [-1] }]);
    expect(gaps).toEqual([
      'input: a tensor in place of count, which is an int that Triton cannot feed: export the model anew',
      'input: one input for each key of named, a Dict[str, Tensor]; 1/model.pt does not tell them',
    ]);
  });

  test('what is filled in by hand stays, and the rest is asked for', async () => {
    const config =
      'max_batch_size: 8\ninput { name: "x" data_type: TYPE_FP32 } output { dims: 2 data_type: TYPE_INVALID }';
    const { gaps } = await infer({ '1/model.pt': '@torchscript/scripted.pt', 'config.pbtxt': config });
    expect(gaps).toEqual([
      "input[0].dims: the dims of input 'x'",
      'output[0].name: the name of output[0]',
      'output[0].data_type: the data_type of output[0]',
    ]);
  });

  test('weights alone are no model', async () => {
    await expect(infer({ '1/model.pt': '@torchscript/weights.pt' })).rejects.toMatchObject({
      code: 'FILE_INVALID',
      fix: 'save it with torch.jit.save',
    });
  });
});

describe('other models', () => {
  test('an ensemble and backends that conch cannot read stay open', async () => {
    const ensemble = await infer({ '1/.keep': '', 'config.pbtxt': 'platform: "ensemble" ensemble_scheduling { }' });
    expect(ensemble.gaps).toEqual(['input: the inputs of the ensemble', 'output: the outputs of the ensemble']);
    await rm(inModel(), { recursive: true });
    const { gaps } = await infer({ '1/model.xml': '', 'config.pbtxt': 'batch_input { kind: BATCH_ELEMENT_COUNT }' });
    expect(gaps).toEqual(['output: the outputs: conch cannot read the model files of backend openvino']);
  });

  test('without a version, a backend or a well-formed configuration there is nothing to go by', async () => {
    await expect(infer({ 'config.pbtxt': 'backend: "python"' })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
      message: `${inModel()} holds no version folder`,
      fix: 'put the model file into a folder 1/',
    });
    await expect(infer({ '1/model.bin': '', 'config.pbtxt': '' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'the backend of m is not given and cannot be told from its files or its name',
      where: { file: inModel('config.pbtxt') },
    });
    await expect(infer({ 'config.pbtxt': 'max_batch_size: x' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      where: { file: inModel('config.pbtxt'), line: 1, column: 17 },
    });
    const none = 'backend: "python" version_policy { specific { versions: 7 } }';
    await expect(infer({ 'config.pbtxt': none })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
      message: 'the version policy selects no version of m',
      fix: 'the folder holds 1',
    });
  });
});
