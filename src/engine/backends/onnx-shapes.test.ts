import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../onnx/index.ts';
import { TemporaryRepository, tensor } from '../testing/repository.ts';

const graphOf = () => new GraphBuilder('test', { opset: 17, irVersion: 8 });
const side = (kind: string, name: string, type: string, dims: string) =>
  `${kind} { name: "${name}" data_type: ${type} dims: [ ${dims} ] } `;
const where = (execution: string) => `parameters { key: "conch.execution" value { string_value: "${execution}" } } `;
const head = 'backend: "onnxruntime" max_batch_size: 8 dynamic_batching {} instance_group { count: 1 kind: KIND_CPU } ';

describe.each(['inline', 'worker'])('%s', (execution) => {
  test('tensors without elements, in and out', async () => {
    const graph = graphOf();
    const x = graph.input('x', 'FP32', ['batch', 'length']);
    graph.output('y', graph.node('Neg', [x]), ['batch', 'length']);
    const config = head + side('input', 'x', 'TYPE_FP32', '-1') + side('output', 'y', 'TYPE_FP32', '-1');
    const engine = await (await new TemporaryRepository().graph('m', graph, config + where(execution))).open();
    const infer = (shape: number[], values: number[]) =>
      engine.infer({ model: 'm', inputs: [tensor('x', 'FP32', shape, values)] });
    const answers = await Promise.all([infer([2, 0], []), infer([1, 0], []), infer([1, 2], [1, 2])]);
    expect(answers.map(({ outputs }) => [outputs[0]!.shape, [...outputs[0]!.data]])).toEqual([
      [[2, 0], []],
      [[1, 0], []],
      [
        [1, 2],
        [-1, -2],
      ],
    ]);
  });

  test('outputs whose size hangs on the data', async () => {
    const graph = graphOf();
    const x = graph.input('x', 'FP32', ['length']);
    graph.output('places', graph.node('NonZero', [x], {}, { datatype: 'INT64' }), [1, 'found']);
    const config = `backend: "onnxruntime" ${side('input', 'x', 'TYPE_FP32', '-1')}${side('output', 'places', 'TYPE_INT64', '1, -1')}`;
    const engine = await (await new TemporaryRepository().graph('m', graph, config + where(execution))).open();
    const places = async (...values: number[]) => {
      const { outputs } = await engine.infer({ model: 'm', inputs: [tensor('x', 'FP32', [values.length], values)] });
      return [outputs[0]!.shape, [...outputs[0]!.data].map(Number)];
    };
    expect(await places(0, 5, 0, 7)).toEqual([
      [1, 2],
      [1, 3],
    ]);
    expect(await places(0, 0)).toEqual([[1, 0], []]);
  });

  test('half floats keep their bits through a computation', async () => {
    const graph = graphOf();
    const x = graph.input('x', 'FP16', ['batch', 2]);
    graph.output('y', graph.node('Neg', [x]), ['batch', 2]);
    const config = head + side('input', 'x', 'TYPE_FP16', '2') + side('output', 'y', 'TYPE_FP16', '2');
    const engine = await (await new TemporaryRepository().graph('m', graph, config + where(execution))).open();
    const infer = (values: number[]) => engine.infer({ model: 'm', inputs: [tensor('x', 'FP16', [1, 2], values)] });
    const answers = await Promise.all([infer([0x3c00, 0x0001]), infer([0xfbff, 0x7c00])]);
    expect(answers.map(({ outputs }) => [...outputs[0]!.data])).toEqual([
      [0xbc00, 0x8001],
      [0x7bff, 0xfc00],
    ]);
  });
});

test('BF16 is refused: the Node binding has no such type', async () => {
  const graph = graphOf();
  const x = graph.input('x', 'BF16', ['batch', 2]);
  graph.output('y', graph.node('Identity', [x]), ['batch', 2]);
  const config = head + side('input', 'x', 'TYPE_BF16', '2') + side('output', 'y', 'TYPE_BF16', '2');
  const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
  await expect(engine.load('m')).rejects.toMatchObject({
    code: 'MODEL_LOAD_FAILED',
    message: "model 'm' version 1: input 'x': ONNX Runtime's Node binding does not carry BF16",
  });
});
