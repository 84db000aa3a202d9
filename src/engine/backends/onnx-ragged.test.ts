import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../onnx/index.ts';
import type { Datatype } from '../../tensor/index.ts';
import type { Engine } from '../engine.ts';
import { TemporaryRepository, tensor } from '../testing/repository.ts';

const graphOf = () => new GraphBuilder('test', { opset: 17, irVersion: 8 });
const input = (name: string, type: string, dims: string, more = '') =>
  `input { name: "${name}" data_type: ${type} dims: [ ${dims} ] ${more} } `;
const output = (name: string, type: string, dims: string, more = '') =>
  `output { name: "${name}" data_type: ${type} dims: [ ${dims} ] ${more} } `;
const batchInput = (kind: string, type = 'TYPE_INT32') =>
  `batch_input { kind: ${kind} target_name: "made" data_type: ${type} source_input: "x" } `;
const scatter = (target: string, source = 'x') =>
  `batch_output { kind: BATCH_SCATTER_WITH_INPUT_SHAPE target_name: "${target}" source_input: "${source}" } `;
const ragged = 'allow_ragged_batch: true';
const where = (execution: string) => `parameters { key: "conch.execution" value { string_value: "${execution}" } } `;
const head = 'backend: "onnxruntime" max_batch_size: 8 dynamic_batching {} instance_group { count: 1 kind: KIND_CPU } ';

/** Gives every request all that the batch input says, as a text, in its row of `seen`. */
function echo(kind: string, datatype: 'INT32' | 'FP32', dims = '-1') {
  const graph = graphOf();
  const rank = kind === 'BATCH_ITEM_SHAPE' ? 2 : 1;
  const x = graph.input('x', 'FP32', ['elements']);
  const rows = graph.input('rows', 'INT32', ['batch', 1]);
  const made = graph.input('made', datatype, ['a', 'b'].slice(0, rank));
  const text = graph.node('Cast', [made], { to: { int: 8 } }, { datatype: 'BYTES' });
  const flat = graph.node('Reshape', [text, graph.integers([1, -1])], {});
  const batch = graph.node('Shape', [rows], { start: { int: 0 }, end: { int: 1 } }, { datatype: 'INT64' });
  const times = graph.node('Concat', [batch, graph.integers([1])], { axis: { int: 0 } });
  const words = graph.node('Tile', [flat, times]);
  graph.output('seen', words, ['batch', 'count']);
  const shape = graph.node('Shape', [made], {}, { datatype: 'INT64' });
  const wide = graph.node('Reshape', [shape, graph.integers([1, -1])], {});
  graph.output('shape', graph.node('Tile', [wide, times]), ['batch', rank]);
  graph.output('flat', graph.node('Identity', [x]), ['elements']);
  const config =
    head +
    input('x', 'TYPE_FP32', dims, ragged) +
    input('rows', 'TYPE_INT32', '1') +
    output('seen', 'TYPE_STRING', '-1') +
    output('shape', 'TYPE_INT64', `${rank}`) +
    output('flat', 'TYPE_FP32', dims) +
    scatter('flat') +
    batchInput(kind, `TYPE_${datatype}`);
  return { graph, config };
}

const decoder = new TextDecoder();

/** The texts of a BYTES tensor. */
function texts(data: Uint8Array): string[] {
  const found: string[] = [];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; at += 4 + view.getUint32(at, true)) {
    found.push(decoder.decode(data.subarray(at + 4, at + 4 + view.getUint32(at, true))));
  }
  return found;
}

async function ask(engine: Engine, shape: readonly number[], first: number) {
  const count = shape.reduce((product, dim) => product * dim, 1);
  const x = tensor(
    'x',
    'FP32',
    shape,
    Array.from({ length: count }, (_, index) => first + index),
  );
  const rows = tensor('rows', 'INT32', [shape[0]!, 1], new Array(shape[0]).fill(0));
  const { outputs } = await engine.infer({ model: 'm', inputs: [x, rows] });
  const [seen, made, flat] = outputs;
  const each = seen!.shape[1]!;
  return {
    seen: texts(seen!.data as Uint8Array)
      .slice(0, each)
      .map(Number),
    shape: [...made!.data].slice(0, made!.shape[1]).map(Number),
    flat: { shape: flat!.shape, data: [...flat!.data] },
  };
}

describe.each(['inline', 'worker'])('%s: what a batch of [1,3], [2,2] and [1,1] is told', (execution) => {
  test.each([
    ['BATCH_ELEMENT_COUNT', [3, 4, 1], [3]],
    ['BATCH_ACCUMULATED_ELEMENT_COUNT', [3, 7, 8], [3]],
    ['BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO', [0, 3, 7, 8], [4]],
    ['BATCH_MAX_ELEMENT_COUNT_AS_SHAPE', [0, 0, 0, 0], [4]],
    ['BATCH_ITEM_SHAPE', [3, 2, 2, 1], [4, 1]],
    ['BATCH_ITEM_SHAPE_FLATTEN', [3, 2, 2, 1], [4]],
  ])('%s', async (kind, seen, shape) => {
    for (const datatype of ['INT32', 'FP32'] as const) {
      const { graph, config } = echo(kind, datatype);
      const engine = await (await new TemporaryRepository().graph('m', graph, config + where(execution))).open();
      const answers = await Promise.all([ask(engine, [1, 3], 0), ask(engine, [2, 2], 10), ask(engine, [1, 1], 20)]);
      expect(engine.statistics('m')[0]).toMatchObject({ inference_count: 4, execution_count: 1 });
      for (const answer of answers) expect(answer).toMatchObject({ seen, shape });
      // Each gets back its own elements, in its own shape.
      expect(answers.map(({ flat }) => flat)).toEqual([
        { shape: [1, 3], data: [0, 1, 2] },
        { shape: [2, 2], data: [10, 11, 12, 13] },
        { shape: [1, 1], data: [20] },
      ]);
      expect(await ask(engine, [1, 2], 5)).toMatchObject({ flat: { shape: [1, 2], data: [5, 6] } });
    }
  });
});

test('shapes of several dimensions, and requests without any element', async () => {
  const { graph, config } = echo('BATCH_ITEM_SHAPE', 'INT32', '-1, -1');
  const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
  const [a, b] = await Promise.all([ask(engine, [1, 2, 3], 0), ask(engine, [2, 0, 4], 0)]);
  expect(engine.statistics('m')[0]!.execution_count).toBe(1);
  expect(a).toMatchObject({ seen: [2, 3, 0, 4, 0, 4], shape: [3, 2], flat: { shape: [1, 2, 3] } });
  expect(b!.flat).toEqual({ shape: [2, 0, 4], data: [] });
});

test('ragged text', async () => {
  const graph = graphOf();
  const words = graph.input('x', 'BYTES', ['elements']);
  graph.input('made', 'INT32', ['requests']);
  graph.output('y', graph.node('Identity', [words]), ['elements']);
  const config = head + input('x', 'TYPE_STRING', '-1', ragged) + output('y', 'TYPE_STRING', '-1') + scatter('y');
  const repository = await new TemporaryRepository().graph('m', graph, config + batchInput('BATCH_ELEMENT_COUNT'));
  const engine = await repository.open();
  const infer = (...words: string[]) =>
    engine.infer({ model: 'm', inputs: [tensor('x', 'BYTES' as Datatype, [1, words.length], words)] });
  const responses = await Promise.all([infer('a', 'grün'), infer(''), infer('b', 'c', 'd')]);
  expect(responses.map(({ outputs }) => texts(outputs[0]!.data as Uint8Array))).toEqual([
    ['a', 'grün'],
    [''],
    ['b', 'c', 'd'],
  ]);
  expect(engine.statistics('m')[0]!.execution_count).toBe(1);
});

/** The packed layout in miniature: embeddings of all tokens in one run, and the mean of each text's. */
function encoder() {
  const graph = graphOf();
  const ids = graph.input('input_ids', 'INT64', ['tokens']);
  const bounds = graph.input('cu_seqlens', 'INT32', ['bounds']);
  const table = graph.constant(
    'FP32',
    [8, 2],
    Float32Array.from({ length: 16 }, (_, index) => index * index),
  );
  const hidden = graph.node('Gather', [table, ids], { axis: { int: 0 } });
  // Running sums of the tokens' vectors; a text's sum is the difference at its two ends.
  const sums = graph.node('CumSum', [hidden, graph.constant('INT64', [], BigInt64Array.of(0n))]);
  const none = graph.constant('FP32', [1, 2], Float32Array.of(0, 0));
  const before = graph.node('Concat', [none, sums], { axis: { int: 0 } });
  const ends = graph.node('Slice', [bounds, graph.integers([1]), graph.integers([1_000_000])]);
  const starts = graph.node('Slice', [bounds, graph.integers([0]), graph.integers([-1])]);
  const at = (places: typeof ends) => graph.node('Gather', [before, places], { axis: { int: 0 } });
  const total = graph.node('Sub', [at(ends), at(starts)]);
  const lengths = graph.node('Cast', [graph.node('Sub', [ends, starts])], { to: { int: 1 } }, { datatype: 'FP32' });
  const mean = graph.node('Div', [total, graph.node('Unsqueeze', [lengths, graph.integers([1])])]);
  graph.output('embedding', mean, ['batch', 2]);
  const config =
    head +
    input('input_ids', 'TYPE_INT64', '-1', ragged) +
    output('embedding', 'TYPE_FP32', '2') +
    'batch_input { kind: BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO target_name: "cu_seqlens" data_type: TYPE_INT32 source_input: "input_ids" }';
  return { graph, config };
}

test('a packed encoder: texts of all lengths in one execution, each as if it had come alone', async () => {
  const { graph, config } = encoder();
  const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
  const infer = async (ids: readonly number[]) => {
    const { outputs } = await engine.infer({
      model: 'm',
      inputs: [tensor('input_ids', 'INT64', [1, ids.length], ids)],
    });
    return [...outputs[0]!.data].map(Number);
  };
  const inputs = [[1, 2, 3], [7], [0, 0, 0, 0, 5], [4, 1]];
  const together = await Promise.all(inputs.map(infer));
  expect(engine.statistics('m')[0]).toMatchObject({ inference_count: 4, execution_count: 1 });
  const mean = (ids: readonly number[], column: number) =>
    ids.reduce((sum, id) => sum + (2 * id + column) ** 2, 0) / ids.length;
  expect(together).toEqual(inputs.map((ids) => [0, 1].map((column) => expect.closeTo(mean(ids, column), 3))));
  for (const [index, ids] of inputs.entries()) expect(await infer(ids)).toEqual(together[index]);
});

test('a request of several rows counts once, so its rows cannot be told apart', async () => {
  const { graph, config } = encoder();
  const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
  const two = tensor('input_ids', 'INT64', [2, 2], [1, 2, 3, 4]);
  await expect(engine.infer({ model: 'm', inputs: [two] })).rejects.toMatchObject({
    code: 'EXECUTION_FAILED',
    message:
      "output 'embedding': the model returned shape [1,2] for a batch of 2; its first dimension must be the batch",
  });
});

test('an output too short to be dealt out', async () => {
  const graph = graphOf();
  const x = graph.input('x', 'FP32', ['elements']);
  graph.output('y', graph.node('ReduceSum', [x], { keepdims: { int: 1 } }), [1]);
  const config = head + input('x', 'TYPE_FP32', '-1', ragged) + output('y', 'TYPE_FP32', '-1') + scatter('y');
  const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
  const request = engine.infer({ model: 'm', inputs: [tensor('x', 'FP32', [1, 3], [1, 2, 3])] });
  await expect(request).rejects.toMatchObject({
    code: 'EXECUTION_FAILED',
    message: "output 'y': the model returned 1 elements, by the shapes of input 'x' the batch needs 3",
  });
});

describe('configs that the model contradicts', () => {
  const sides = (inputs: string) => head + inputs + output('seen', 'TYPE_STRING', '-1');
  const x = input('x', 'TYPE_FP32', '-1', ragged);
  const rows = input('rows', 'TYPE_INT32', '1');
  const load = 'MODEL_LOAD_FAILED';
  test.each([
    ['no batch input', sides(x + rows), "the model takes 3 inputs, the config lists 2; missing: 'made'"],
    [
      'one too many',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT') + batchInput('BATCH_ELEMENT_COUNT'),
      'the model takes 3 inputs, the config lists 2 and 2 batch_input',
    ],
    [
      'ragged where the model has rows',
      sides(x + input('rows', 'TYPE_INT32', '1', ragged)) + batchInput('BATCH_ELEMENT_COUNT'),
      "input 'rows': ragged: the model must take it as [-1], it has [-1,1]",
    ],
    [
      'a batch input of another name',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT').replace('made', 'counts'),
      "batch_input 'counts': the model has no such input; it has 'x', 'rows', 'made'",
    ],
    [
      'of another type',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT', 'TYPE_FP32'),
      "batch_input 'made': the config says TYPE_FP32, the model has TYPE_INT32",
    ],
    [
      'of another rank',
      sides(x + rows) + batchInput('BATCH_ITEM_SHAPE'),
      "batch_input 'made': it is of rank 2, the model has [-1]",
    ],
    [
      'a share with more dimensions than its source',
      `${head}${x}${rows}${output('seen', 'TYPE_STRING', '2, -1')}${scatter('seen')}${batchInput('BATCH_ELEMENT_COUNT')}`,
      "output 'seen': its dimension 2 is to be that of input 'x', which has only 2",
    ],
    [
      'a source that is none',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT').replace('source_input: "x"', 'source_input: "z"'),
      "batch_input[0] derives from 'z', which is no declared input",
    ],
    [
      'a type that no batch input has',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT', 'TYPE_INT64'),
      'batch_input[0] is of TYPE_INT64, it must be TYPE_INT32 or TYPE_FP32',
    ],
    [
      'an output of nobody',
      sides(x + rows) + batchInput('BATCH_ELEMENT_COUNT') + scatter('none'),
      "batch_output[0] makes 'none', which is no declared output",
    ],
  ])('%s', async (_, config, message) => {
    const { graph } = echo('BATCH_ELEMENT_COUNT', 'INT32');
    const engine = await (await new TemporaryRepository().graph('m', graph, config)).open();
    await expect(engine.load('m')).rejects.toMatchObject({ code: load, message: expect.stringContaining(message) });
  });
});
