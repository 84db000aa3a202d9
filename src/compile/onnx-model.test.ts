import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { GraphBuilder, openModel, readOnnx, writeOnnx } from '../onnx/index.ts';
import { checkDeployment, compileDeployment, type GateReport } from './index.ts';

let dir: string;
let repository: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-foreign-'));
  repository = join(dir, 'models');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function floats(count: number, seed: number) {
  let state = seed;
  const values = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32 - 0.5) / 2;
  });
  return { read: () => [new Uint8Array(values.buffer)] };
}

/** An encoder as exporters of opset 10 write it: axes as attributes, idle nodes, shapes computed step by step. */
function foreignEncoder(): GraphBuilder {
  const graph = new GraphBuilder('main_graph', { opset: 10, irVersion: 5 });
  const ids = graph.input('input_ids', 'INT64', ['batch', 'sequence']);
  const mask = graph.input('attention_mask', 'INT64', ['batch', 'sequence']);
  const table = graph.initializer('table', 'FP32', [50, 32], floats(50 * 32, 1));
  const unused = graph.initializer('unused', 'FP32', [32, 32], floats(32 * 32, 2));
  graph.node('MatMul', [table, unused], {}, { name: 'dead' });
  const rows = graph.node('Dropout', [graph.node('Identity', [graph.node('Gather', [table, ids])])], {
    ratio: { float: 0.1 },
  });
  const width = graph.node(
    'Shape',
    [graph.initializer('w', 'FP32', [32, 48], floats(32 * 48, 3))],
    {},
    { datatype: 'INT64' },
  );
  const last = graph.node('Gather', [width, graph.constant('INT64', [], BigInt64Array.of(0n))]);
  const shape = graph.node('Concat', [graph.integers([-1]), graph.node('Unsqueeze', [last], { axes: { ints: [0] } })], {
    axis: { int: 0 },
  });
  const flat = graph.node('Reshape', [rows, shape]);
  const weight = { value: graph.initializers.find(({ value }) => value.name === 'w')!.value };
  const hidden = graph.node('Softmax', [graph.node('MatMul', [flat, weight.value])], { axis: { int: 1 } });
  const out = graph.initializer('out', 'FP32', [48, 16], floats(48 * 16, 4));
  const scores = graph.node('Clip', [graph.node('MatMul', [hidden, out])], { min: { float: -2 } }, { name: 'clipped' });
  const wide = graph.node('Cast', [mask], { to: { int: 1 } }, { datatype: 'FP32' });
  const tokens = graph.node('Reshape', [
    scores,
    graph.node('Concat', [graph.node('Shape', [ids], {}, { datatype: 'INT64' }), graph.integers([16])], {
      axis: { int: 0 },
    }),
  ]);
  const masked = graph.node('Mul', [tokens, graph.node('Unsqueeze', [wide], { axes: { ints: [2] } })]);
  graph.output('pooled', graph.node('ReduceSum', [masked], { axes: { ints: [1] }, keepdims: { int: 0 } }), [
    'batch',
    16,
  ]);
  return graph;
}

async function write(graph: GraphBuilder, name = 'Foreign.onnx'): Promise<string> {
  await writeOnnx(join(dir, name), graph, {
    producer: { name: 'pytorch', version: '2.5' },
    externalDataThreshold: 4000,
  });
  return name;
}

async function compile(fields: { [field: string]: unknown }, target = 'triton:26.07') {
  const deployment = checkDeployment({ repository, models: { m: fields } }, 'test');
  const { models } = await compileDeployment({ deployment, file: undefined, baseDir: dir }, { target });
  const manifest = models[0]!.manifest;
  return { manifest, gate: manifest.gate as GateReport, path: join(repository, 'm/1/model.onnx') };
}

const operators = async (path: string) =>
  Object.fromEntries((await readOnnx(path)).operators.map(({ type, count }) => [type, count]));

test('a file of another origin is cleaned up, configured and answers as it did', async () => {
  const { manifest, gate, path } = await compile({ onnx: await write(foreignEncoder()) });
  expect(gate).toMatchObject({ passed: true, precision: 'fp32', against: ['fp32'], worstAbsoluteError: 0 });
  expect(manifest).toMatchObject({ opset: 10, precision: 'fp32', source: { kind: 'onnx', onnx: 'Foreign.onnx' } });
  const found = await operators(path);
  for (const type of ['Identity', 'Dropout']) expect(found).not.toHaveProperty(type);
  // Of three Concats and two Shapes those of constants are gone.
  expect(found).toMatchObject({ Concat: 1, Shape: 1, MatMul: 2 });
  expect([...(await openModel(path)).weights.keys()]).not.toContain('unused');
  const { config } = parseConfig(await readFile(join(repository, 'm/config.pbtxt'), 'utf8'));
  expect(config).toMatchObject({
    max_batch_size: 32,
    input: [
      { name: 'input_ids', data_type: 'TYPE_INT64', dims: [-1] },
      { name: 'attention_mask', data_type: 'TYPE_INT64', dims: [-1] },
    ],
    output: [{ name: 'pooled', data_type: 'TYPE_FP32', dims: [16] }],
  });
});

test.each([
  ['fp16', { opset: 10 }],
  // DynamicQuantizeLinear came with opset 11, where Clip's limits became inputs.
  ['int8', { opset: 11, operators: { MatMulInteger: 2 } }],
  // DequantizeLinear with a scale an output came with opset 13, where axes became an input.
  ['int8-weight-only', { opset: 13, operators: { DequantizeLinear: 2 } }],
  ['int4-weight-only', { opset: 10, operators: { MatMulNBits: 2 } }],
])('in %s it stays near what it was', async (precision, expected) => {
  const { manifest, gate, path } = await compile({ onnx: await write(foreignEncoder()), precision });
  expect(gate).toMatchObject({ passed: true, precision });
  expect(gate.worstAbsoluteError).toBeGreaterThan(0);
  expect(gate.cosine).toBeGreaterThan(0.95);
  expect(manifest.opset).toBe(expected.opset);
  expect(await operators(path)).toMatchObject(
    'operators' in expected ? expected.operators! : { Cast: expect.any(Number) },
  );
});

test('another opset: attributes become inputs, and a softmax over several axes stays one', async () => {
  const { manifest, gate, path } = await compile({ onnx: await write(foreignEncoder()), opset: 20 });
  expect(gate.worstAbsoluteError).toBeLessThan(1e-6);
  expect(manifest).toMatchObject({ opset: 20, irVersion: 9 });
  const { nodes } = await openModel(path);
  expect(nodes.find(({ type }) => type === 'ReduceSum')!.inputs).toHaveLength(2);
  expect(nodes.filter(({ type }) => type === 'Clip').map(({ inputs }) => inputs.length)).toEqual([2]);
  expect(nodes.map(({ type }) => type)).toContain('Flatten');
});

test('fixed shapes have no batch; outputs of unknown shape have the one that they were seen with', async () => {
  const graph = new GraphBuilder('fixed', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', [2, 3]);
  graph.output('y', graph.node('Relu', [x]), [2, 3]);
  const { gate } = await compile({ onnx: await write(graph) });
  expect(gate.passed).toBe(true);
  const { config } = parseConfig(await readFile(join(repository, 'm/config.pbtxt'), 'utf8'));
  expect(config).toMatchObject({ input: [{ dims: [2, 3] }], output: [{ dims: [2, 3] }] });
  expect(config.max_batch_size ?? 0).toBe(0);
  await expect(compile({ onnx: 'Foreign.onnx', max_batch_size: 4 })).rejects.toThrow(
    "max_batch_size 4: 'x' has the shape [2,3], whose first dimension does not vary",
  );
});

test('one number a row is a tensor without dimensions to Triton', async () => {
  const graph = new GraphBuilder('scalar', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', 3]);
  const sum = graph.node('ReduceMean', [x], { axes: { ints: [1] }, keepdims: { int: 0 } });
  graph.output('y', sum, ['batch']);
  await compile({ onnx: await write(graph) });
  const { config } = parseConfig(await readFile(join(repository, 'm/config.pbtxt'), 'utf8'));
  expect(config.output).toMatchObject([{ name: 'y', dims: [1], reshape: {} }]);
});

test('inputs of your own are compared on; those that do not fit are refused', async () => {
  const onnx = await write(foreignEncoder());
  const sample = {
    input_ids: [
      [1, 2],
      [3, 4],
    ],
    attention_mask: [
      [1, 1],
      [1, 0],
    ],
  };
  expect((await compile({ onnx, sample })).gate).toMatchObject({ passed: true, inputs: 2 });
  await expect(compile({ onnx, sample: { ids: [[1]] } })).rejects.toThrow(
    "sample: the model has no input 'ids'; it has input_ids, attention_mask",
  );
  await expect(compile({ onnx, sample: { ...sample, input_ids: [[1], [3, 4]] } })).rejects.toThrow('sample.input_ids');
});

test.each([
  [{ opset: 99 }, 'triton:26.07', 'opset 99: triton:26.07 takes opsets up to 26'],
  [{ opset: 10, precision: 'int8' }, 'triton:26.07', 'opset 10: int8 needs 11 or more'],
  [{ opset: 7 }, 'triton:26.07', "opset 10 to 7: MatMul 'MatMul': it changed in opset 9"],
  [{ layout: 'packed' }, 'triton:26.07', 'models.m: unrecognized key: "layout"'],
])('%j is refused by name', async (fields, target, message) => {
  await expect(compile({ onnx: await write(foreignEncoder()), ...fields }, target)).rejects.toThrow(message);
});

test('an input that would fill the memory is refused', async () => {
  const graph = new GraphBuilder('huge', { opset: 17, irVersion: 8 });
  graph.output('y', graph.node('Relu', [graph.input('x', 'FP32', ['batch', 2 ** 40])]), ['batch', 2 ** 40]);
  await expect(compile({ onnx: await write(graph) })).rejects.toThrow(
    "input 'x' of shape [1,1099511627776] has more than",
  );
});

test('a file that is not there, or no model', async () => {
  await expect(compile({ onnx: 'nowhere.onnx' })).rejects.toThrow('models.m.onnx: no file at nowhere.onnx');
  await writeFile(join(dir, 'text.onnx'), '<html></html>');
  await expect(compile({ onnx: 'text.onnx' })).rejects.toThrow('this is text (HTML or JSON), not an ONNX model');
});

test('lines of tensors in expect are what it is compared on, and held against', async () => {
  const graph = new GraphBuilder('double', { opset: 17, irVersion: 8 });
  graph.output('y', graph.node('Mul', [graph.input('x', 'FP32', ['batch', 2]), graph.scalar(2)]), ['batch', 2]);
  const onnx = await write(graph);
  const line = (y: number[][]) =>
    `${JSON.stringify({
      inputs: {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      outputs: { y },
    })}\n`;
  await writeFile(
    join(dir, 'right.jsonl'),
    line([
      [2, 4],
      [6, 8],
    ]),
  );
  await writeFile(
    join(dir, 'wrong.jsonl'),
    line([
      [2, 4],
      [6, 9],
    ]),
  );
  const { gate } = await compile({ onnx, expect: 'right.jsonl' });
  expect(gate).toMatchObject({ against: ['fp32', 'expect'], inputs: 2, sourceError: 0 });
  await expect(compile({ onnx, expect: 'wrong.jsonl' })).rejects.toThrow(
    'm in fp32: the worst absolute error of the FP32 graph against expect is 1, more than 0.000100',
  );
});
