import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  defaultTarget,
  elementTypes,
  findTarget,
  GraphBuilder,
  modelOf,
  type OnnxModel,
  openModel,
  readOnnx,
  type Value,
  writeOnnx,
} from '../../onnx/index.ts';
import { numberToHalf } from '../../tensor/index.ts';
import { describeMachine } from '../compare/machine.ts';
import { toHalves } from './halves.ts';
import { lower, type Precision } from './lower.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-lowering-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const [size, wide] = [48, 32];

/** Numbers in -1 to 1, the same for the same seed. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}

/** Both kinds of linear layer, a table, a mask of the lowest floats, and a normalisation. */
function network(): GraphBuilder {
  const graph = new GraphBuilder('network', { opset: 20, irVersion: 9 });
  const weight = (name: string, shape: number[], seed: number) => {
    const values = numbers(
      shape.reduce((product, length) => product * length, 1),
      seed,
    );
    return graph.initializer(name, 'FP32', shape, { read: () => [new Uint8Array(values.buffer)] });
  };
  const ids = graph.input('ids', 'INT64', ['batch']);
  const mask = graph.input('mask', 'FP32', ['batch', wide]);
  const table = weight('table', [10, size], 1);
  const rows = graph.node('Gather', [table, ids]);
  const gemm = (input: Value, name: string, seed: number) =>
    graph.node('Gemm', [input, weight(name, [wide, size], seed), weight(`${name}.bias`, [wide], seed + 1)], {
      transB: { int: 1 },
    });
  const up = graph.node('Gelu', [gemm(rows, 'up', 2)]);
  const side = gemm(rows, 'side', 4);
  const hidden = graph.node('Mul', [graph.node('Sub', [graph.scalar(1), mask]), graph.scalar(-3.4e38)]);
  const shares = graph.node('Softmax', [graph.node('Add', [side, hidden])], { axis: { int: -1 } });
  const mixed = graph.node('Add', [up, shares]);
  const norm = graph.node('LayerNormalization', [mixed, weight('scale', [wide], 6), weight('shift', [wide], 7)], {
    axis: { int: -1 },
    epsilon: { float: 1e-12 },
  });
  graph.output('hidden', graph.node('MatMul', [norm, weight('down', [wide, wide], 8)]), ['batch', wide]);
  graph.output('logits', graph.node('MatMul', [norm, weight('classifier', [wide, 3], 9)]), ['batch', 3]);
  return graph;
}

async function write(model: OnnxModel | GraphBuilder, name: string): Promise<string> {
  const path = join(dir, name);
  await writeOnnx(path, model, { producer: { name: 'conch', version: '1' } });
  return path;
}

async function run(path: string): Promise<number[]> {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
  const ids = new Tensor('int64', BigInt64Array.of(0n, 3n, 9n), [3]);
  const masked = Float32Array.from({ length: 3 * wide }, (_, index) => (index % 5 === 0 || index < wide ? 0 : 1));
  const { hidden, logits } = await session.run({ ids, mask: new Tensor('float32', masked, [3, wide]) });
  await session.release();
  return [...(hidden!.data as Float32Array), ...(logits!.data as Float32Array)];
}

/** Inputs of the layers in the network lie within this. */
const calibrate = async (names: readonly string[]) => new Map(names.map((name) => [name, 6]));

async function lowered(precision: Precision, reduceRange = false): Promise<{ path: string; worst: number }> {
  const reference = await write(network(), 'fp32.onnx');
  const model = await openModel(reference);
  await lower(model, { precision, reduceRange, calibrate }, defaultTarget);
  const path = await write(model, `${precision}.onnx`);
  const [expected, actual] = [await run(reference), await run(path)];
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!)));
  return { path, worst: Number.isNaN(worst) ? Number.POSITIVE_INFINITY : worst };
}

const operators = async (path: string) =>
  Object.fromEntries((await readOnnx(path)).operators.map(({ type, count }) => [type, count]));

/** AVX2 without VNNI adds two products in 16 bits (docs/precision.md). */
const { instructions } = describeMachine();
const overflows = instructions.includes('avx2') && !instructions.some((name) => /vnni|amx/.test(name));

// Products of sums of 48 values up to 1 with weights up to 1.
test.each([
  ['fp32', 0],
  ['fp16', 0.02],
  ['int8', 0.15],
  ['int8-static', 0.3],
  ['int8-weight-only', 0.1],
  ['int4-weight-only', 1.2],
] as const)('%s stays within %d of FP32', async (precision, limit) => {
  // Where ONNX Runtime's sums of INT8 products overflow, 7 bits are what there is.
  const { worst } = await lowered(precision, overflows);
  expect(worst).toBeLessThanOrEqual(overflows ? 2 * limit : limit);
  if (precision !== 'fp32') expect(worst).toBeGreaterThan(0);
});

test('int8: one quantisation of what several layers take; narrow layers, tables and normalisation stay', async () => {
  const { path } = await lowered('int8');
  expect(await operators(path)).toMatchObject({
    DynamicQuantizeLinear: 2,
    MatMulInteger: 3,
    MatMul: 1,
    LayerNormalization: 1,
  });
  const { weights } = await openModel(path);
  expect(weights.get('up/int8')).toMatchObject({ elementType: elementTypes.int8, shape: [size, wide] });
  expect(weights.get('up/scale')).toMatchObject({ elementType: elementTypes.float, shape: [wide] });
  expect(weights.has('up')).toBe(false);
  expect(weights.get('table')).toMatchObject({ elementType: elementTypes.float });
});

test('int8-static: symmetric, between QuantizeLinear and DequantizeLinear, one scale an input and one an output', async () => {
  const { path } = await lowered('int8-static');
  expect(await operators(path)).toMatchObject({ QuantizeLinear: 2, DequantizeLinear: 5, Gemm: 2, MatMul: 2 });
  const { weights } = await openModel(path);
  expect(weights.get('up/int8')).toMatchObject({ elementType: elementTypes.int8, shape: [wide, size] });
  expect(weights.get('up/scale')!.shape).toEqual([wide]);
  const [scale] = weights.get('Gather:0/scale')!.read() as Uint8Array[];
  expect(new Float32Array(scale!.slice().buffer)[0]).toBeCloseTo(6 / 127, 6);
});

test('int8 of reduced range: weights of seven bits, so that two products fit into 16', async () => {
  const largest = async (path: string) => {
    let found = 0;
    for await (const chunk of (await openModel(path)).weights.get('up/int8')!.read()) {
      for (const value of new Int8Array(chunk)) found = Math.max(found, Math.abs(value));
    }
    return found;
  };
  expect(await largest((await lowered('int8')).path)).toBe(127);
  const { path, worst } = await lowered('int8', true);
  expect(await largest(path)).toBe(63);
  expect(worst).toBeLessThan(0.3);
});

test('fp16: interface, normalisation, softmax and masks stay in FP32, by casts in the graph', async () => {
  const { path } = await lowered('fp16');
  const model = await openModel(path);
  const { float, float16 } = elementTypes;
  expect([...model.inputs, ...model.outputs].map(({ elementType }) => elementType)).toEqual([7, float, float, float]);
  const halves = [...model.weights.values()].filter(({ elementType }) => elementType === float16);
  expect(halves.map(({ name }) => name).sort()).toEqual(
    ['classifier', 'down', 'side', 'side.bias', 'table', 'up', 'up.bias'].map((name) => `${name}/fp16`).sort(),
  );
  for (const name of ['scale', 'shift']) expect(model.weights.get(name)!.elementType).toBe(float);
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const softmax = model.nodes.find(({ type }) => type === 'Softmax')!;
  const added = makers.get(softmax.inputs[0]!)!;
  expect(added.type).toBe('Add');
  // The scores are widened, the mask was never narrow.
  expect(added.inputs.map((input) => makers.get(input)!.type)).toEqual(['Cast', 'Mul']);
});

test('fp16 and weights of few bits name what they cannot do', async () => {
  const graph = new GraphBuilder('foreign', { opset: 20, irVersion: 9, domains: { 'my.domain': 1 } });
  const x = graph.input('x', 'FP32', ['batch', 4]);
  graph.output('y', graph.node('Relu', [graph.node('Mystery', [x], {}, { domain: 'my.domain' })]), ['batch', 4]);
  const model = modelOf(graph);
  model.declared.clear();
  await expect(lower(model, { precision: 'fp16', calibrate }, defaultTarget)).rejects.toThrow(
    "fp16: the element type of 'Mystery:0', which my.domain.Mystery 'Mystery' makes, is not known",
  );
  await expect(lower(model, { precision: 'int8', calibrate }, defaultTarget)).rejects.toThrow(
    'int8: no MatMul or Gemm with constant FP32 weights to quantise',
  );
  await expect(
    lower(modelOf(network()), { precision: 'int4-weight-only', calibrate }, findTarget('triton:24.02')),
  ).rejects.toThrow('triton:24.02 has ONNX Runtime 1.16.3, and MatMulNBits came with 1.17');
});

test('halves are rounded to the nearest, ties to even, and never to infinity', () => {
  const values = [
    0,
    -0,
    1,
    1 / 3,
    -65504,
    65519,
    2 ** -14,
    2 ** -15 * 1.5,
    2 ** -24,
    2 ** -25,
    2 ** -26,
    1.00048828125,
  ];
  const random = Array.from(numbers(2000, 5), (value, index) => value * 2 ** ((index % 44) - 28));
  const all = Float32Array.from([...values, ...random].filter((value) => Math.abs(value) < 65520));
  expect(Array.from(toHalves(all))).toEqual(Array.from(all, numberToHalf));
  const limits = Float32Array.of(1e9, -Infinity, Number.NaN);
  expect(Array.from(toHalves(limits))).toEqual([0x7bff, 0xfbff, 0x7e00]);
});
