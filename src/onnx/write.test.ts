import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GraphBuilder, type Payload, readOnnx, writeOnnx } from './index.ts';

const producer = { name: 'conch', version: '1.2.3' };
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-onnx-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const floats = (values: readonly number[], chunks = 1): Payload => ({
  async *read() {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    const size = Math.ceil(bytes.length / chunks);
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  },
});

/** y = relu(x w + 0.5), with w [size, 2] all ones. */
function sumGraph(size: number, weight: Payload = floats(new Array(2 * size).fill(1), 3)): GraphBuilder {
  const graph = new GraphBuilder('sums', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', size]);
  const w = graph.initializer('w', 'FP32', [size, 2], weight);
  const y = graph.scope('layer.0', () =>
    graph.node('Relu', [graph.node('Add', [graph.node('MatMul', [x, w]), graph.scalar(0.5)])]),
  );
  graph.output('y', y, ['batch', 2]);
  return graph;
}

async function runSums(path: string, size: number): Promise<number[]> {
  const session = await InferenceSession.create(path);
  const { y } = await session.run({
    x: new Tensor(
      'float32',
      Float32Array.from({ length: size }, (_, i) => i),
      [1, size],
    ),
  });
  return Array.from(y!.data as Float32Array);
}

test('what is written can be read back and runs', async () => {
  const path = join(dir, 'model.onnx');
  const graph = sumGraph(4);
  graph.metadata['conch.source'] = 'test';
  const progress: number[] = [];
  const written = await writeOnnx(path, graph, { producer, onProgress: (bytes) => progress.push(bytes) });
  expect(written.files).toEqual(['model.onnx']);
  expect(written.bytes).toBe((await readFile(path)).length);
  expect(progress.at(-1)).toBe(2 * 4 * 4 + 4);
  expect(await readOnnx(path)).toEqual({
    irVersion: 8,
    producer: 'conch 1.2.3',
    opsets: [{ domain: '', version: 17 }],
    inputs: [{ name: 'x', datatype: 'FP32', onnxType: 1, shape: ['batch', 4] }],
    outputs: [{ name: 'y', datatype: 'FP32', onnxType: 1, shape: ['batch', 2] }],
    overridable: [],
    operators: [
      { domain: '', type: 'Add', count: 1 },
      { domain: '', type: 'MatMul', count: 1 },
      { domain: '', type: 'Relu', count: 1 },
    ],
    externalFiles: [],
    externalSizes: {},
    metadata: { 'conch.source': 'test' },
  });
  expect(await runSums(path, 4)).toEqual([6.5, 6.5]);
});

test('beyond the threshold large initializers go to a page-aligned file of their own', async () => {
  const path = join(dir, 'model.onnx');
  const graph = sumGraph(200);
  graph.initializer('unused', 'FP32', [300], floats(new Array(300).fill(7)));
  const written = await writeOnnx(path, graph, { producer, externalDataThreshold: 1000 });
  expect(written.files).toEqual(['model.onnx', 'model.onnx.data']);
  const data = await readFile(`${path}.data`);
  expect(data.length).toBe(4096 + 1200);
  expect(data.readFloatLE(0)).toBe(1);
  expect(data.readFloatLE(4096)).toBe(7);
  const summary = await readOnnx(path);
  expect(summary.externalFiles).toEqual(['model.onnx.data']);
  expect(summary.externalSizes).toEqual({ 'model.onnx.data': 5296 });
  expect(await runSums(path, 200)).toEqual([19900.5, 19900.5]);
});

test.each([
  [() => floats([1, 2, 3]), 'needs 32 bytes, its source gave 12'],
  [() => floats(new Array(20).fill(0)), 'needs 32 bytes, its source gave 80 or more'],
  [
    (): Payload => ({
      // biome-ignore lint/correctness/useYield: fails before its first chunk
      async *read() {
        throw new Error('disk on fire');
      },
    }),
    'disk on fire',
  ],
])('a source that fails leaves what was there before, and nothing else (%#)', async (payload, message) => {
  const path = join(dir, 'model.onnx');
  await writeFile(path, 'the previous model');
  for (const externalDataThreshold of [0, 1 << 20]) {
    await expect(writeOnnx(path, sumGraph(4, payload()), { producer, externalDataThreshold })).rejects.toThrow(message);
    expect(await readFile(path, 'utf8')).toBe('the previous model');
    expect(await readdir(dir)).toEqual(['model.onnx']);
  }
});

test('one file of 2 GiB or more is refused before anything is read', async () => {
  const graph = new GraphBuilder('large', { opset: 17, irVersion: 8 });
  const never: Payload = {
    read: () => {
      throw new Error('read');
    },
  };
  graph.output('y', graph.initializer('w', 'FP32', [2 ** 29], never), [2 ** 29]);
  const path = join(dir, 'model.onnx');
  await expect(writeOnnx(path, graph, { producer, externalDataThreshold: 2 ** 40 })).rejects.toThrow(
    /model\.onnx: 2147483\d+ bytes in one file, but an ONNX file must stay below 2 GiB/,
  );
  expect(existsSync(path)).toBe(false);
});

test('names are unique and readable, equal constants are one', () => {
  const graph = new GraphBuilder('names', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', [2]);
  const values = [0, 1].map(() => graph.scope('block', () => graph.node('Neg', [x])));
  expect(values.map(({ name }) => name)).toEqual(['block/Neg:0', 'block/Neg_1:0']);
  expect(graph.integers([0, -1])).toBe(graph.integers([0, -1]));
  expect(graph.integers([0, -1])).not.toBe(graph.integers([-1, 0]));
  expect(graph.scalar(0.5).name).toBe('constant/FP32[](0.5)');
  graph.output('y', values[1]!, [2]);
  graph.output('same', values[1]!, [2]);
  graph.output('passed', x, [2]);
  expect(graph.outputs.map(({ value }) => value.name)).toEqual(['y', 'same', 'passed']);
  expect(graph.nodes.map(({ type }) => type)).toEqual(['Neg', 'Neg', 'Identity', 'Identity']);
  expect(() => graph.output('x', values[0]!, [2])).toThrow(
    "graph names: the name 'x' is already that of another value",
  );
  expect(() => graph.node('RandomNormal', [])).toThrow(
    'ONNX node RandomNormal needs a datatype: it has no first input',
  );
});

test('every kind of attribute arrives', async () => {
  const graph = new GraphBuilder('attributes', { opset: 17, irVersion: 8, domains: { 'com.microsoft': 1 } });
  const x = graph.input('x', 'FP32', [1, 4]);
  const [left, right] = graph.nodeWithOutputs(2, 'Split', [x, graph.integers([1, 3])], { axis: { int: -1 } });
  const leaky = graph.node('LeakyRelu', [left!], { alpha: { float: 0.25 } });
  const turned = graph.node('Transpose', [right!], { perm: { ints: [1, 0] } });
  const cast = graph.node('Cast', [turned], { to: { int: 7n } }, { datatype: 'INT64' });
  const fused = graph.node('FastGelu', [leaky], {}, { domain: 'com.microsoft' });
  graph.output('a', fused, [1, 1]);
  graph.output('b', cast, [3, 1]);
  const path = join(dir, 'model.onnx');
  await writeOnnx(path, graph, { producer });
  const session = await InferenceSession.create(path);
  const { a, b } = await session.run({ x: new Tensor('float32', Float32Array.of(-4, 1, 2, 3), [1, 4]) });
  expect((a!.data as Float32Array)[0]).toBeCloseTo(-0.1588, 3);
  expect(Array.from(b!.data as BigInt64Array)).toEqual([1n, 2n, 3n]);
  expect((await readOnnx(path)).opsets).toEqual([
    { domain: '', version: 17 },
    { domain: 'com.microsoft', version: 1 },
  ]);

  const label = new GraphBuilder('strings', { opset: 17, irVersion: 8, domains: { 'ai.onnx.ml': 3 } });
  const keys = label.input('x', 'INT64', [1]);
  const names = { keys_int64s: { ints: [3] }, values_strings: { strings: ['a'] }, default_string: { string: 'z' } };
  label.output('y', label.node('LabelEncoder', [keys], names, { domain: 'ai.onnx.ml', datatype: 'BYTES' }), [1]);
  await writeOnnx(path, label, { producer });
  const encoder = await InferenceSession.create(path);
  const run = (id: bigint) => encoder.run({ x: new Tensor('int64', BigInt64Array.of(id), [1]) });
  expect((await run(3n)).y!.data).toEqual(['a']);
  expect((await run(4n)).y!.data).toEqual(['z']);

  const scores = new GraphBuilder('floats', { opset: 17, irVersion: 8, domains: { 'ai.onnx.ml': 3 } });
  const features = scores.input('x', 'FP32', [1, 2]);
  const linear = { coefficients: { floats: [0.5, 2] }, intercepts: { floats: [-1] } };
  scores.output('y', scores.node('LinearRegressor', [features], linear, { domain: 'ai.onnx.ml' }), [1, 1]);
  await writeOnnx(path, scores, { producer });
  const regressor = await InferenceSession.create(path);
  const { y } = await regressor.run({ x: new Tensor('float32', Float32Array.of(2, 3), [1, 2]) });
  expect(Array.from(y!.data as Float32Array)).toEqual([6]);
});
