import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GraphBuilder, writeOnnx } from '../../onnx/index.ts';
import { decodeStrings, type Tensor } from '../../tensor/index.ts';
import type { Engine } from '../engine.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { reasonOf } from '../testing/models.ts';
import { fp32, TemporaryRepository } from '../testing/repository.ts';

const producer = { name: 'conch', version: '1' };

async function addModel(repository: TemporaryRepository, graph: GraphBuilder, config: string): Promise<void> {
  const { name } = graph;
  await mkdir(join(repository.root, name, '1'), { recursive: true });
  await writeOnnx(join(repository.root, name, '1', 'model.onnx'), graph, { producer });
  repository.config(name, `backend: "onnxruntime" ${config}`);
}

/** Of `total += x` for each sequence; what it hands on as state is in `total_out`. */
function accumulator(): GraphBuilder {
  const graph = new GraphBuilder('sum', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', 1]);
  const total = graph.input('total', 'FP32', ['batch', 1]);
  const sum = graph.node('Add', [x, total]);
  graph.output('y', sum, ['batch', 1]);
  graph.output('total_out', sum, ['batch', 1]);
  return graph;
}

const one = (name: string, type = 'FP32', dims = '1') =>
  `{ name: "${name}" data_type: TYPE_${type} dims: [ ${dims} ] }`;
const accumulate = (state = '', strategy = '', more = '') => `
  max_batch_size: 4 input ${one('x')} output ${one('y')}
  instance_group { kind: KIND_CPU count: 1 }
  sequence_batching { ${strategy}
    state { input_name: "total" output_name: "total_out" data_type: TYPE_FP32 dims: [ 1 ] ${state} }
  } ${more}`;

const step = async (
  engine: Engine,
  model: string,
  id: number | bigint | string,
  x: number,
  flags = '',
): Promise<readonly Tensor[]> => {
  const sequence = { id, start: flags.includes('('), end: flags.includes(')') };
  return (await engine.infer({ model, sequence, inputs: [fp32('x', [1, 1], [x])] })).outputs;
};
const values = (outputs: readonly Tensor[]) =>
  Object.fromEntries(outputs.map(({ name, data }) => [name, [...data].map(Number)]));

describe.each(['inline', 'worker'])('implicit state, %s', (execution) => {
  const where = `parameters { key: "conch.execution" value { string_value: "${execution}" } }`;

  test.each(['direct {}', 'oldest { max_candidate_sequences: 4 }'])(
    'each sequence has its own: %s',
    async (strategy) => {
      const repository = new TemporaryRepository();
      await addModel(repository, accumulator(), accumulate('', strategy, where));
      const engine = await repository.open();
      const first = await Promise.all([step(engine, 'sum', 1, 1, '('), step(engine, 'sum', 'b', 100, '(')]);
      expect(first.map(values)).toEqual([{ y: [1] }, { y: [100] }]);
      const second = await Promise.all([step(engine, 'sum', 'b', 10), step(engine, 'sum', 1, 2)]);
      expect(second.map(values)).toEqual([{ y: [110] }, { y: [3] }]);
      // A START in the middle begins anew.
      expect(values(await step(engine, 'sum', 1, 5, '('))).toEqual({ y: [5] });
      expect(values(await step(engine, 'sum', 1, 5, ')'))).toEqual({ y: [10] });
      expect(values(await step(engine, 'sum', 'b', 1, ')'))).toEqual({ y: [111] });
      await expect(step(engine, 'sum', 1, 1)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      const [statistics] = engine.statistics('sum');
      expect(statistics!.inference_stats.success.count).toBe(7);
      // What is refused at the door counts nowhere.
      expect(statistics!.inference_stats.fail.count).toBe(0);
    },
  );
});

describe('states', () => {
  test('a sequence begins with what data_file holds; a state that is an output too is returned', async () => {
    const repository = new TemporaryRepository();
    const initial = 'initial_state { name: "i" data_type: TYPE_FP32 dims: [ 1 ] data_file: "start.bin" }';
    await addModel(repository, accumulator(), `${accumulate(initial)} output ${one('total_out')}`);
    repository.write('sum/initial_state/start.bin', new Uint8Array(Float32Array.of(40).buffer));
    const engine = await repository.open();
    expect(values(await step(engine, 'sum', 1, 2, '('))).toEqual({ y: [42], total_out: [42] });
    const { outputs } = await engine.infer({
      model: 'sum',
      sequence: { id: 1, start: false, end: true },
      inputs: [fp32('x', [1, 1], [1])],
      outputs: [{ name: 'y' }],
    });
    expect(values(outputs)).toEqual({ y: [43] });
  });

  test.each([
    ['is not there', undefined, /state 'total': file .*start\.bin cannot be read: ENOENT/],
    ['is too short', new Uint8Array(3), /state 'total' needs 4 bytes, initial_state\/start\.bin has 3/],
  ])('a data_file that %s', async (_, content, message) => {
    const repository = new TemporaryRepository();
    const initial = 'initial_state { name: "i" data_type: TYPE_FP32 dims: [ 1 ] data_file: "start.bin" }';
    await addModel(repository, accumulator(), accumulate(initial));
    if (content) repository.write('sum/initial_state/start.bin', content);
    const engine = await repository.open();
    expect(reasonOf(engine, 'sum')).toMatch(message);
  });

  test('a state of variable length grows, and sequences whose states differ in shape do not share a batch', async () => {
    const repository = new TemporaryRepository();
    const graph = new GraphBuilder('history', { opset: 17, irVersion: 8 });
    const x = graph.input('x', 'FP32', ['batch', 1]);
    const past = graph.input('past', 'FP32', ['batch', 'n']);
    const all = graph.node('Concat', [past, x], { axis: { int: 1 } });
    graph.output('y', all, ['batch', 'm']);
    graph.output('past_out', graph.node('Identity', [all]), ['batch', 'm']);
    await addModel(
      repository,
      graph,
      `max_batch_size: 4 input ${one('x')} output ${one('y', 'FP32', '-1')} instance_group { kind: KIND_CPU count: 1 }
       sequence_batching { oldest { max_candidate_sequences: 4 }
         state { input_name: "past" output_name: "past_out" data_type: TYPE_FP32 dims: [ -1 ] } }`,
    );
    const engine = await repository.open();
    expect(values(await step(engine, 'history', 1, 7, '('))).toEqual({ y: [0, 7] });
    const both = await Promise.all([step(engine, 'history', 1, 8), step(engine, 'history', 2, 9, '(')]);
    expect(both.map(values)).toEqual([{ y: [0, 7, 8] }, { y: [0, 9] }]);
    await Promise.all([step(engine, 'history', 1, 0, ')'), step(engine, 'history', 2, 0, ')')]);
  });
});

/** Gives back what its controls say. */
function controls(corrid: 'INT64' | 'BYTES'): GraphBuilder {
  const graph = new GraphBuilder('controls', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', ['batch', 1]);
  const start = graph.input('start', 'BOOL', ['batch', 1]);
  const end = graph.input('end', 'INT32', ['batch', 1]);
  const ready = graph.input('ready', 'FP32', ['batch', 1]);
  const id = graph.input('id', corrid, ['batch', 1]);
  const cast = (value: typeof x) => graph.node('Cast', [value], { to: { int: 1 } }, { datatype: 'FP32' });
  graph.output('y', graph.node('Concat', [x, cast(start), cast(end), ready], { axis: { int: 1 } }), ['batch', 4]);
  graph.output('id_out', graph.node('Identity', [id]), ['batch', 1]);
  return graph;
}

const withControls = (corrid: string) => `
  max_batch_size: 4 input ${one('x')} output ${one('y', 'FP32', '4')} output ${one('id_out', corrid)}
  instance_group { kind: KIND_CPU count: 1 }
  sequence_batching {
    control_input { name: "start" control { kind: CONTROL_SEQUENCE_START bool_false_true: [ false, true ] } }
    control_input { name: "end" control { kind: CONTROL_SEQUENCE_END int32_false_true: [ -1, 5 ] } }
    control_input { name: "ready" control { kind: CONTROL_SEQUENCE_READY fp32_false_true: [ 0, 0.5 ] } }
    control_input { name: "id" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_${corrid} } }
  }`;

describe('controls', () => {
  test('say where a request stands, in the values that the config gives', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, controls('INT64'), withControls('INT64'));
    const engine = await repository.open();
    const id = 2n ** 63n + 5n;
    const low = -(2 ** 63) + 5;
    expect(values(await step(engine, 'controls', id, 1, '('))).toEqual({ y: [1, 1, -1, 0.5], id_out: [low] });
    expect(values(await step(engine, 'controls', id, 2))).toEqual({ y: [2, 0, -1, 0.5], id_out: [low] });
    expect(values(await step(engine, 'controls', id, 3, ')'))).toEqual({ y: [3, 0, 5, 0.5], id_out: [low] });
    expect(values(await step(engine, 'controls', 9, 4, '()'))).toEqual({ y: [4, 1, 5, 0.5], id_out: [9] });
    await expect(step(engine, 'controls', 'nine', 4, '()')).rejects.toThrow(
      "model 'controls' takes a number as sequence_id (the type of its CORRID control), the request has text",
    );
    const metadata = engine.metadata('controls');
    expect(metadata.inputs.map(({ name }) => name)).toEqual(['x']);
  });

  test('an id that is text', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, controls('BYTES'), withControls('STRING'));
    const engine = await repository.open();
    const [, id] = await step(engine, 'controls', 'née', 1, '()');
    expect(decodeStrings(id!.data as Uint8Array)).toEqual(['née']);
    await expect(step(engine, 'controls', 7, 1, '()')).rejects.toThrow(/takes text as sequence_id .* has a number/);
  });

  test('one that the model lacks is refused', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, controls('INT64'), withControls('INT64').replace('"ready"', '"redy"'));
    const engine = await repository.open();
    expect(reasonOf(engine, 'controls')).toContain("input 'redy': the model has no such input; it has");
  });

  test('client inputs may not carry them', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, controls('INT64'), withControls('INT64'));
    const engine = await repository.open();
    const inputs = [fp32('x', [1, 1], [1]), fp32('ready', [1, 1], [1])];
    const sequence = { id: 1, start: true, end: true };
    await expect(engine.infer({ model: 'controls', sequence, inputs })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });
});

describe('an ensemble', () => {
  const ensemble = (model: string) => `
    platform: "ensemble" max_batch_size: 4 input ${one('x')} output ${one('y')}
    ensemble_scheduling { step { model_name: "${model}" model_version: -1
      input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } } }`;

  test('hands its sequence on', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, accumulator(), accumulate());
    repository.bare('chain', ensemble('sum'));
    const engine = await repository.open();
    expect(values(await step(engine, 'chain', 1, 1, '('))).toEqual({ y: [1] });
    expect(values(await step(engine, 'chain', 1, 2, ')'))).toEqual({ y: [3] });
    await expect(step(engine, 'chain', 1, 2)).rejects.toThrow(
      /^ensemble 'chain', step 0 'sum': model 'sum' has no seq/,
    );
  });
});

describe('closing the engine', () => {
  test('lets sequences come to their end and takes nothing else', async () => {
    const repository = new TemporaryRepository();
    await addModel(repository, accumulator(), accumulate());
    const clock = new FakeClock();
    const engine = await repository.open({ clock });
    clock.settle();
    await step(engine, 'sum', 1, 1, '(');
    expect(engine.holdsSequences()).toBe(true);
    const closed = engine.close();
    await expect(step(engine, 'sum', 2, 1, '(')).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
    await expect(step(engine, 'sum', 2, 1)).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
    expect([engine.isLive(), engine.isReady()]).toEqual([false, false]);
    expect(values(await step(engine, 'sum', 1, 2))).toEqual({ y: [3] });
    expect(values(await step(engine, 'sum', 1, 3, ')'))).toEqual({ y: [6] });
    expect(await closed).toBe(true);
  });

  test('ends without them once they have paused too long, or when its own time is up', async () => {
    for (const [timeoutMs, whole] of [
      [5000, true],
      [500, false],
    ] as const) {
      const repository = new TemporaryRepository();
      await addModel(repository, accumulator(), accumulate());
      const clock = new FakeClock();
      const engine = await repository.open({ clock });
      await step(engine, 'sum', 1, 1, '(');
      const closed = engine.close({ timeoutMs });
      clock.advance(Math.min(timeoutMs, 1000));
      expect(await closed).toBe(whole);
    }
  });
});
