import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { decodeStrings, encodeBytes, type Tensor } from '../tensor/index.ts';
import type { Batch, BatchRequest } from './backend.ts';
import { ProbeBackend } from './testing/probe.ts';
import { TemporaryRepository } from './testing/repository.ts';

const model = (more = '', batch = 8) => `
  backend: "probe" max_batch_size: ${batch}
  input { name: "a" data_type: TYPE_FP32 dims: [ -1, 2 ] }
  input { name: "t" data_type: TYPE_STRING dims: [ 2 ] }
  output { name: "b" data_type: TYPE_FP32 dims: [ -1, 2 ] }
  ${more}
`;
const input = (name: string, rest: string) => `inputs { key: "${name}" value { ${rest} } }`;
const sample = (rest: string, a = 'data_type: TYPE_FP32 dims: [ 3, 2 ] zero_data: true') =>
  `model_warmup { name: "s" ${rest} ${input('a', a)} ${input('t', 'data_type: TYPE_STRING dims: [ 2 ] zero_data: true')} }`;

/** Loads the model; answers what its instances ran before it was ready. */
async function warmedUp(
  config: string,
  files: Record<string, Uint8Array> = {},
  answer?: (request: BatchRequest) => readonly Tensor[] | ConchError,
) {
  const backend = new ProbeBackend({ facts: { instances: 2 }, ...(answer && { answer }) });
  const repository = new TemporaryRepository().bare('m', config);
  for (const [path, content] of Object.entries(files)) repository.write(`m/warmup/${path}`, content);
  const engine = await repository.open({ backends: { probe: backend } });
  const [row] = engine.index();
  return { batches: backend.instances.map(({ batches }) => batches), reason: row?.reason, state: row?.state, engine };
}

const shapes = ({ requests, rows }: Batch) => ({
  rows,
  inputs: requests.map(({ inputs }) => inputs.map(({ shape }) => shape)),
});

test('without model_warmup every instance runs zeros once, in the smallest shapes', async () => {
  const { batches, state, engine } = await warmedUp(model());
  expect(state).toBe('READY');
  for (const each of batches) {
    expect(each.map(shapes)).toEqual([
      {
        rows: 1,
        inputs: [
          [
            [1, 1, 2],
            [1, 2],
          ],
        ],
      },
    ]);
    expect(decodeStrings(each[0]!.requests[0]!.inputs[1]!.data as Uint8Array)).toEqual(['', '']);
  }
  expect(engine.statistics()[0]).toMatchObject({ inference_count: 0, execution_count: 0 });
});

test("a model that is its author's code is run only on what its config says", async () => {
  const facts = { ownCode: true };
  for (const [more, runs] of [
    ['', 0],
    [sample('batch_size: 1 count: 2'), 2],
  ] as const) {
    const backend = new ProbeBackend({ facts });
    await new TemporaryRepository().bare('m', model(more)).open({ backends: { probe: backend } });
    expect(backend.instances.map(({ batches }) => batches.length)).toEqual([runs]);
  }
});

test('nothing is run unasked where even the smallest shapes are huge', async () => {
  const { batches, state } = await warmedUp(model().replace('dims: [ -1, 2 ]', 'dims: [ 1000000000, 1000000000 ]'));
  expect({ state, batches }).toEqual({ state: 'READY', batches: [[], []] });
});

test('that run is a guess: its failure does not fail the load', async () => {
  const { state } = await warmedUp(model(), {}, () => new ConchError('EXECUTION_FAILED', 'needs three at least'));
  expect(state).toBe('READY');
});

test('a sample runs batch_size like requests as one batch, count times', async () => {
  const { batches } = await warmedUp(model(sample('batch_size: 3 count: 2')));
  for (const each of batches) {
    const row = [
      [1, 3, 2],
      [1, 2],
    ];
    expect(each.map(shapes)).toEqual([
      { rows: 3, inputs: [row, row, row] },
      { rows: 3, inputs: [row, row, row] },
    ]);
  }
});

test('samples run in order; one of batch_size 0 is skipped', async () => {
  const { batches } = await warmedUp(model(sample('batch_size: 2') + sample('') + sample('batch_size: 1')));
  expect(batches[0]!.map(({ rows }) => rows)).toEqual([2, 1]);
});

test('random data fills fixed types; text stays empty', async () => {
  const random = sample('batch_size: 1', 'data_type: TYPE_FP32 dims: [ 64, 2 ] random_data: true');
  const { batches } = await warmedUp(model(random));
  const [numbers, texts] = batches[0]![0]!.requests[0]!.inputs;
  expect(new Set(numbers!.data as Float32Array).size).toBeGreaterThan(10);
  expect(decodeStrings(texts!.data as Uint8Array)).toEqual(['', '']);
});

test('data comes from files under warmup/; what is too long is cut, text is taken whole', async () => {
  const config = model(`model_warmup { name: "s" batch_size: 1
    ${input('a', 'data_type: TYPE_FP32 dims: [ 1, 2 ] input_data_file: "a.bin"')}
    ${input('t', 'data_type: TYPE_STRING dims: [ 2 ] input_data_file: "deep/t"')} }`);
  const { batches } = await warmedUp(config, {
    'a.bin': new Uint8Array(Float32Array.of(5, 6, 7).buffer),
    'deep/t': encodeBytes(['x', 'yz']),
  });
  const [numbers, texts] = batches[0]![0]!.requests[0]!.inputs;
  expect(numbers!.data).toEqual(Float32Array.of(5, 6));
  expect(decodeStrings(texts!.data as Uint8Array)).toEqual(['x', 'yz']);
});

describe('a sample fails the load', () => {
  const named = (what: string) => `model 'm' version 1: warm-up sample 's': ${what}`;
  const withA = (a: string) => model(sample('batch_size: 1', a));
  test.each([
    [
      'a dimension that is not known',
      withA('data_type: TYPE_FP32 dims: [ -1, 2 ] zero_data: true'),
      "input 'a': dims [-1,2] must all be known",
    ],
    [
      'no data',
      withA('data_type: TYPE_FP32 dims: [ 1, 2 ]'),
      "input 'a' has none of zero_data, random_data and input_data_file",
    ],
    ['no type', withA('dims: [ 1, 2 ] zero_data: true'), "input 'a' has no data_type"],
    [
      'a file that is too short',
      withA('data_type: TYPE_FP32 dims: [ 2, 2 ] input_data_file: "a.bin"'),
      "input 'a' needs 16 bytes, file a.bin has 12",
    ],
    [
      'another type than the model takes',
      withA('data_type: TYPE_INT8 dims: [ 1, 2 ] zero_data: true'),
      "[request id: warm-up s] input 'a' of model 'm' must be FP32, it is INT8",
    ],
    [
      'a missing input',
      model(
        `model_warmup { name: "s" batch_size: 1 ${input('a', 'data_type: TYPE_FP32 dims: [ 1, 2 ] zero_data: true')} }`,
      ),
      "[request id: warm-up s] model 'm' takes 2 inputs, 1 came: 'a'; missing: 't'",
    ],
    ['a batch above the maximum', model(sample('batch_size: 9')), "batch_size 9 exceeds the model's 8"],
  ])('%s', async (_, config, what) => {
    const { state, reason } = await warmedUp(config, { 'a.bin': new Uint8Array(12) });
    expect({ state, reason }).toEqual({ state: 'UNAVAILABLE', reason: named(what) });
  });

  test('a file outside the folder warmup, or none', async () => {
    const read = (file: string) =>
      warmedUp(withA(`data_type: TYPE_FP32 dims: [ 1, 2 ] input_data_file: "${file}"`), { 'a.bin': new Uint8Array(8) });
    expect((await read('../config.pbtxt')).reason).toMatch(
      /^model 'm' version 1: warm-up sample 's': input 'a': file .*config\.pbtxt cannot be read: it lies outside the folder warmup$/,
    );
    expect((await read('none.bin')).reason).toMatch(/input 'a': file .*none\.bin cannot be read: ENOENT/);
  });

  test('a run that fails', async () => {
    const { reason } = await warmedUp(
      model(sample('batch_size: 1')),
      {},
      () => new ConchError('EXECUTION_FAILED', 'it broke'),
    );
    expect(reason).toBe(named('the run failed: it broke'));
  });
});
