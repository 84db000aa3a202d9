import { describe, expect, test } from 'vitest';
import type { Datatype } from '../tensor/index.ts';
import { decodeStrings, encodeBytes } from '../tensor/index.ts';
import { fp32, TemporaryRepository, tensor } from './testing/repository.ts';

const parameter = (key: string, value: string) => `parameters { key: "${key}" value { string_value: "${value}" } }\n`;
const mlp = `
  backend: "onnxruntime" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
  output { name: "prediction" data_type: TYPE_FP32 dims: [ 1 ] }
`;
const rowSum = `
  backend: "onnxruntime" max_batch_size: 8 dynamic_batching {}
  input { name: "ids" data_type: TYPE_INT64 dims: [ -1 ] }
  output { name: "total" data_type: TYPE_INT64 dims: [ 1 ] }
`;
const ids = (...values: number[]) => tensor('ids', 'INT64', [1, values.length], values);

/** The fixture's two ReLU layers with sines for weights, recomputed. */
function predict(x: readonly number[]): number {
  const sizes = [10, 16, 8, 1];
  let current = [...x];
  for (let layer = 0; layer < 3; layer++) {
    const [fanIn, fanOut] = [sizes[layer]!, sizes[layer + 1]!];
    const next = Array.from({ length: fanOut }, (_, column) => {
      let sum = Math.cos(column);
      for (let row = 0; row < fanIn; row++) sum += current[row]! * Math.sin(row * fanOut + column);
      return layer < 2 ? Math.max(0, sum) : sum;
    });
    current = next;
  }
  return current[0]!;
}

describe.each(['inline', 'worker'])('%s', (execution) => {
  const where = parameter('conch.execution', execution);

  test('computes what the model says', async () => {
    const engine = await new TemporaryRepository().onnx('mlp', 'mlp', mlp + where).open();
    const rows = [0, 1, 2].map((row) => Array.from({ length: 10 }, (_, column) => Math.sin(row + column / 3)));
    const response = await engine.infer({ model: 'mlp', id: '7', inputs: [fp32('x', [3, 10], rows.flat())] });
    expect(response).toMatchObject({ model: 'mlp', version: '1', id: '7' });
    const [prediction] = response.outputs;
    expect(prediction).toMatchObject({ name: 'prediction', datatype: 'FP32', shape: [3, 1] });
    for (const [index, row] of rows.entries()) expect(prediction!.data[index]).toBeCloseTo(predict(row), 4);
  });

  test('requests of equal shape share a batch, and each gets its own rows', async () => {
    const engine = await new TemporaryRepository().onnx('row_sum', 'row_sum', rowSum + where).open();
    const infer = (...values: number[]) => engine.infer({ model: 'row_sum', inputs: [ids(...values)] });
    const responses = await Promise.all([infer(1, 2), infer(3, 4), infer(5), infer(6), infer(7, 8)]);
    expect(responses.map(({ outputs }) => [outputs[0]!.shape, Number(outputs[0]!.data[0])])).toEqual([
      [[1, 1], 3],
      [[1, 1], 7],
      [[1, 1], 5],
      [[1, 1], 6],
      [[1, 1], 15],
    ]);
    const [statistics] = engine.statistics('row_sum');
    expect(statistics).toMatchObject({ inference_count: 5, execution_count: 3 });
    expect(statistics!.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer.count])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('a request of several rows keeps them together', async () => {
    const engine = await new TemporaryRepository().onnx('row_sum', 'row_sum', rowSum + where).open();
    const three = tensor('ids', 'INT64', [3, 2], [1, 2, 3, 4, 5, 6]);
    const [a, b] = await Promise.all([
      engine.infer({ model: 'row_sum', inputs: [ids(9, 9)] }),
      engine.infer({ model: 'row_sum', inputs: [three] }),
    ]);
    expect([a, b].map(({ outputs }) => [outputs[0]!.shape, [...outputs[0]!.data].map(Number)])).toEqual([
      [[1, 1], [18]],
      [
        [3, 1],
        [3, 7, 11],
      ],
    ]);
  });

  test('the caller keeps its inputs, and may have them misaligned', async () => {
    const engine = await new TemporaryRepository().onnx('mlp', 'mlp', mlp + where).open();
    const bytes = new Uint8Array(41);
    bytes.set(new Uint8Array(new Float32Array(10).fill(0.5).buffer), 1);
    const odd = { name: 'x', datatype: 'FP32' as Datatype, shape: [1, 10], data: bytes.subarray(1) };
    const x = fp32('x', [1, 10], new Array(10).fill(0.5));
    const [first, second] = await Promise.all([odd, x].map((input) => engine.infer({ model: 'mlp', inputs: [input] })));
    expect(first!.outputs[0]!.data[0]).toBeCloseTo(predict(new Array(10).fill(0.5)), 4);
    expect(second!.outputs[0]!.data).toEqual(first!.outputs[0]!.data);
    expect(x.data.length).toBe(10);
    expect(bytes.length).toBe(41);
  });

  test('every element type makes the round trip', async () => {
    const types: [string, Datatype, (number | string)[]][] = [
      ['bool', 'BOOL', [1, 0, 0, 1]],
      ['uint8', 'UINT8', [0, 255, 7, 8]],
      ['uint16', 'UINT16', [0, 65535, 7, 8]],
      ['uint32', 'UINT32', [0, 2 ** 32 - 1, 7, 8]],
      ['uint64', 'UINT64', [0, 2 ** 53, 7, 8]],
      ['int8', 'INT8', [-128, 127, 7, 8]],
      ['int16', 'INT16', [-32768, 32767, 7, 8]],
      ['int32', 'INT32', [-(2 ** 31), 2 ** 31 - 1, 7, 8]],
      ['int64', 'INT64', [-(2 ** 53), 2 ** 53, 7, 8]],
      ['float16', 'FP16', [0x3c00, 0xc000, 0x7bff, 0x0001]],
      ['float', 'FP32', [1.5, -2.25, 0, 8]],
      ['double', 'FP64', [Math.PI, -1e300, 0, 8]],
      ['string', 'BYTES', ['', 'grün', '今日は', 'a b']],
    ];
    const config = types
      .map(([name, type]) => {
        const side = `data_type: TYPE_${type === 'BYTES' ? 'STRING' : type} dims: [ 2 ]`;
        return `input { name: "in_${name}" ${side} } output { name: "out_${name}" ${side} }`;
      })
      .join('\n');
    const repository = new TemporaryRepository();
    repository.onnx(
      'identities',
      'identities',
      `backend: "onnxruntime" max_batch_size: 8 dynamic_batching {} ${config} ${where}`,
    );
    const engine = await repository.open();
    const request = (reverse: boolean) => ({
      model: 'identities',
      inputs: types.map(([name, type, values]) =>
        tensor(`in_${name}`, type, [2, 2], reverse ? values.toReversed() : values),
      ),
    });
    const responses = await Promise.all([engine.infer(request(false)), engine.infer(request(true))]);
    expect(engine.statistics()[0]).toMatchObject({ execution_count: 1, inference_count: 4 });
    responses.forEach(({ outputs }, index) => {
      const expected = request(index === 1).inputs;
      expect(outputs.map(({ data }) => data)).toEqual(expected.map(({ data }) => data));
      expect(outputs.map(({ datatype, shape }) => [datatype, shape])).toEqual(types.map(([, type]) => [type, [2, 2]]));
    });
  });

  test("bytes that ONNX Runtime's Node binding would change are refused, and fail nobody else", async () => {
    const config = `backend: "onnxruntime" max_batch_size: 8 dynamic_batching {} ${where}`;
    const engine = await new TemporaryRepository().onnx('identities', 'identities', config).open();
    const others = engine
      .metadata('identities')
      .inputs.filter(({ name }) => name !== 'in_string')
      .map(({ name, datatype }) => tensor(name, datatype as Datatype, [1, 2], [1, 0]));
    const ask = (...elements: (string | Uint8Array)[]) => {
      const text = { name: 'in_string', datatype: 'BYTES' as const, shape: [1, 2], data: encodeBytes(elements) };
      return engine.infer({ model: 'identities', inputs: [...others, text] });
    };
    const [good, nul, broken] = await Promise.allSettled([
      ask('a', 'ü'),
      ask('a', 'b\0c'),
      ask('a', Uint8Array.of(0xff)),
    ]);
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect([nul, broken].map((one) => (one as PromiseRejectedResult).reason.message)).toEqual([
      "input 'in_string': element 1 contains a NUL byte; the embedded server can give this model only text without NUL",
      "input 'in_string': element 1 is not UTF-8; the embedded server can give this model only text without NUL",
    ]);
  });

  test('only the outputs asked for are returned, in that order', async () => {
    const io = (name: string, type: string) =>
      `input { name: "in_${name}" data_type: ${type} dims: [2] } output { name: "out_${name}" data_type: ${type} dims: [2] }`;
    const rest = 'bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 double string'.split(' ');
    const typeOf: Record<string, string> = { float16: 'TYPE_FP16', double: 'TYPE_FP64', string: 'TYPE_STRING' };
    const config = [
      io('float', 'TYPE_FP32'),
      ...rest.map((name) => io(name, typeOf[name] ?? `TYPE_${name.toUpperCase()}`)),
    ];
    const repository = new TemporaryRepository();
    repository.onnx(
      'identities',
      'identities',
      `backend: "onnxruntime" max_batch_size: 2 ${config.join('\n')} ${where}`,
    );
    const engine = await repository.open();
    const inputs = engine
      .metadata('identities')
      .inputs.map(({ name, datatype }) => tensor(name, datatype as Datatype, [1, 2], [1, 0]));
    const response = await engine.infer({
      model: 'identities',
      inputs,
      outputs: [{ name: 'out_int8' }, { name: 'out_string' }],
    });
    expect(response.outputs.map(({ name }) => name)).toEqual(['out_int8', 'out_string']);
    expect(decodeStrings(response.outputs[1]!.data as Uint8Array)).toEqual(['1', '0']);
  });

  test("the runtime's own error reaches the client, and the next request is served", async () => {
    const config = `
      backend: "onnxruntime" max_batch_size: 4 dynamic_batching {}
      input { name: "ids" data_type: TYPE_INT64 dims: [ -1 ] }
      output { name: "rows" data_type: TYPE_FP32 dims: [ -1, 2 ] }
    `;
    const engine = await new TemporaryRepository().onnx('gather', 'gather', config + where).open();
    await expect(engine.infer({ model: 'gather', inputs: [ids(5)] })).rejects.toMatchObject({
      code: 'EXECUTION_FAILED',
      status: 'INTERNAL',
      message: expect.stringMatching(/^ONNX Runtime failed: .*idx=5 must be within the inclusive range \[-5,4\]/),
    });
    const { outputs } = await engine.infer({ model: 'gather', inputs: [ids(1, 4)] });
    expect(outputs[0]).toMatchObject({ shape: [1, 2, 2], data: Float32Array.of(2, 3, 8, 9) });
    expect(engine.statistics()[0]).toMatchObject({
      execution_count: 1,
      inference_stats: { fail: { count: 1 }, success: { count: 1 } },
    });
    expect(engine.counters()[0]!.failures).toEqual({ REJECTED: 0, CANCELED: 0, BACKEND: 1, OTHER: 0 });
  });

  test('reshape: clients see dims, the model sees the other shape', async () => {
    const config = `
      backend: "onnxruntime" max_batch_size: 4
      input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 2 ] } }
      output { name: "y" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 2, 2 ] } }
    `;
    const engine = await new TemporaryRepository().onnx('transpose', 'transpose', config + where).open();
    const { outputs } = await engine.infer({
      model: 'transpose',
      inputs: [fp32('x', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])],
    });
    expect(outputs[0]).toMatchObject({ shape: [2, 4], data: Float32Array.of(1, 3, 2, 4, 5, 7, 6, 8) });
    expect(engine.metadata('transpose').inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, 4] }]);
  });

  test('scalars travel as [1]', async () => {
    const config = `
      backend: "onnxruntime"
      input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
      output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
    `;
    const engine = await new TemporaryRepository().onnx('scalar', 'scalar', config + where).open();
    const { outputs } = await engine.infer({ model: 'scalar', inputs: [fp32('x', [1], [3])] });
    expect(outputs[0]).toMatchObject({ shape: [1], data: Float32Array.of(-3) });
  });

  test('a model without a batch dimension takes its shapes whole', async () => {
    const config = `
      backend: "onnxruntime"
      input { name: "x" data_type: TYPE_FP32 dims: [ 3 ] }
      output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }
    `;
    const engine = await new TemporaryRepository().onnx('double', 'double', config + where).open();
    const responses = await Promise.all(
      [1, 2].map((k) => engine.infer({ model: 'double', inputs: [fp32('x', [3], [k, k, k])] })),
    );
    expect(responses.map(({ outputs }) => [...outputs[0]!.data])).toEqual([
      [2, 2, 2],
      [4, 4, 4],
    ]);
    expect(engine.statistics()[0]).toMatchObject({ inference_count: 2, execution_count: 2 });
  });
});

test('a model that loses its batch dimension fails its requests, with what to do', async () => {
  const config = `
    backend: "onnxruntime" max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] }
    output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }
  `;
  const engine = await new TemporaryRepository().onnx('collapse', 'collapse', config).open();
  const request = engine.infer({ model: 'collapse', inputs: [fp32('x', [3, 2], [1, 2, 3, 4, 5, 6])] });
  await expect(request).rejects.toMatchObject({
    code: 'EXECUTION_FAILED',
    message: "output 'y': the model returned shape [1,2] for a batch of 3; its first dimension must be the batch",
    fix: 'export the model with a dynamic first dimension, or set max_batch_size to 0',
  });
});

test('with several instances many requests at once each get their own answer', async () => {
  const engine = await new TemporaryRepository()
    .onnx('row_sum', 'row_sum', `${rowSum} instance_group { count: 3 kind: KIND_CPU }`)
    .open();
  const answers = await Promise.all(
    Array.from({ length: 400 }, async (_, index) => {
      const { outputs } = await engine.infer({
        model: 'row_sum',
        inputs: [ids(...new Array((index % 5) + 1).fill(index))],
      });
      return Number(outputs[0]!.data[0]);
    }),
  );
  expect(answers).toEqual(Array.from({ length: 400 }, (_, index) => index * ((index % 5) + 1)));
  expect(engine.statistics()[0]!.inference_count).toBe(400);
});

test('an ONNX model without a config is completed as Triton completes it', async () => {
  const repository = new TemporaryRepository();
  const engine = await repository.onnx('row_sum', 'row_sum', '').open();
  expect(engine.config('row_sum')).toMatchObject({
    max_batch_size: 4,
    dynamic_batching: { preferred_batch_size: [4] },
  });
  expect(engine.metadata('row_sum')).toEqual({
    name: 'row_sum',
    versions: ['1'],
    platform: 'onnxruntime_onnx',
    inputs: [{ name: 'ids', datatype: 'INT64', shape: [-1, -1] }],
    outputs: [{ name: 'total', datatype: 'INT64', shape: [-1, 1] }],
  });
});
