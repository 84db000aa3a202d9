import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import { encodeBytes, type Tensor } from '../tensor/index.ts';
import { Admission } from './admission.ts';
import { fp32, tensor } from './testing/repository.ts';

const batching = new Admission(
  'm',
  parseConfig(`
  name: "m" max_batch_size: 4
  input { name: "x" data_type: TYPE_FP32 dims: [ 3 ] }
  input { name: "ids" data_type: TYPE_INT64 dims: [ -1, 2 ] }
  output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
  output { name: "z" data_type: TYPE_FP32 dims: [ -1, 2 ] reshape { shape: [ 2, -1 ] } }
`).config,
);
const plain = new Admission(
  'p',
  parseConfig(`
  name: "p"
  input { name: "x" data_type: TYPE_FP32 dims: [ 2, 2 ] reshape { shape: [ 4 ] } }
  input { name: "text" data_type: TYPE_STRING dims: [ -1 ] optional: true }
  input { name: "flag" data_type: TYPE_BOOL dims: [ 1 ] optional: true }
  output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
`).config,
);

const x = fp32('x', [2, 3], [1, 2, 3, 4, 5, 6]);
const ids = tensor('ids', 'INT64', [2, 1, 2], [1, 2, 3, 4]);
const square = fp32('x', [2, 2], [1, 2, 3, 4]);
const ask = (inputs: Tensor[], rest: Partial<InferenceRequest> = {}) =>
  batching.admit({ model: 'm', id: 'r1', inputs, ...rest });
const askPlain = (inputs: Tensor[]) => plain.admit({ model: 'p', inputs });

describe('what is admitted', () => {
  test('inputs in the order of the config, with batch size, bytes and all outputs', () => {
    expect(ask([ids, x])).toMatchObject({
      inputs: [x, ids],
      batchSize: 2,
      rows: 2,
      bytes: 24 + 32,
      outputs: ['y', 'z'],
      priority: 0,
    });
  });

  test('without a batch dimension the batch size is 0 and counts as one row; reshape changes what the model sees', () => {
    expect(askPlain([square])).toMatchObject({ batchSize: 0, rows: 1, inputs: [{ name: 'x', shape: [4] }] });
  });

  test('tensors are passed on without a copy', () => {
    const admitted = ask([x, ids]);
    expect(admitted.inputs[0]).toBe(x);
    expect(askPlain([square]).inputs[0]!.data).toBe(square.data);
  });

  test('likeness tells apart variable shapes and sets of optional inputs, and nothing else', () => {
    const longer = tensor('ids', 'INT64', [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    const one = [fp32('x', [1, 3], [1, 2, 3]), tensor('ids', 'INT64', [1, 1, 2], [1, 2])];
    expect(ask([x, ids]).likeness).toBe(ask(one).likeness);
    expect(ask([x, ids]).likeness).not.toBe(ask([x, longer]).likeness);
    const text = tensor('text', 'BYTES', [1], ['a']);
    const flag = tensor('flag', 'BOOL', [1], [1]);
    const likenesses = [[square], [square, text], [square, flag], [square, text, flag]].map(
      (inputs) => askPlain(inputs).likeness,
    );
    expect(new Set(likenesses).size).toBe(4);
  });

  test("an output's reshape is undone on the way back, with the variable values in order", () => {
    expect(batching.finish(fp32('z', [3, 2, 5], new Array(30).fill(0))).shape).toEqual([3, 5, 2]);
    expect(batching.finish(fp32('y', [3, 1], [1, 2, 3])).shape).toEqual([3, 1]);
  });

  test('an empty dimension is legal where the dimension is variable', () => {
    expect(ask([x, tensor('ids', 'INT64', [2, 0, 2], [])]).inputs[1]!.shape).toEqual([2, 0, 2]);
  });
});

const noId = '[request id: <none>] ';
describe('what is refused', () => {
  const cases: [string, () => unknown, string][] = [
    [
      'an unknown output',
      () => ask([x, ids], { outputs: [{ name: 'w' }] }),
      "output 'w' is not one of model 'm', which has 'y', 'z'",
    ],
    [
      'an output twice',
      () => ask([x, ids], { outputs: [{ name: 'y' }, { name: 'y' }] }),
      "output 'y' of model 'm' is asked for twice",
    ],
    ['too few inputs', () => ask([x]), "[request id: r1] model 'm' takes 2 inputs, 1 came: 'x'; missing: 'ids'"],
    ['too many inputs', () => ask([x, ids, x]), "[request id: r1] model 'm' takes 2 inputs, 3 came: 'x', 'ids', 'x'"],
    ['none at all', () => askPlain([]), `${noId}model 'p' takes 1 to 3 inputs, 0 came; missing: 'x'`],
    [
      'an unknown input',
      () => ask([x, fp32('w', [2], [1, 2])]),
      "input 'w' is not one of model 'm', which has 'x', 'ids'",
    ],
    ['an input twice', () => ask([x, x]), "input 'x' of model 'm' is given twice"],
    [
      'an optional input in the place of a required one',
      () => askPlain([tensor('flag', 'BOOL', [1], [1])]),
      `${noId}model 'p' needs 'x' as well`,
    ],
    [
      'no dimensions where the first must be the batch',
      () => ask([fp32('x', [], [1]), ids]),
      "[request id: r1] input 'x' of model 'm' has no dimensions; the first must be the batch",
    ],
    [
      'batch sizes that differ',
      () => ask([fp32('x', [1, 3], [1, 2, 3]), ids]),
      "[request id: r1] inputs of model 'm' differ in batch size: 'x' is [batch=1,3], 'ids' is [batch=2,1,2]",
    ],
    [
      'a batch of none',
      () => ask([fp32('x', [0, 3], []), tensor('ids', 'INT64', [0, 1, 2], [])]),
      "[request id: r1] batch size of a request to model 'm' must be at least 1, it is 0",
    ],
    [
      'a batch above the maximum',
      () => ask([fp32('x', [5, 3], new Array(15).fill(0)), tensor('ids', 'INT64', [5, 1, 2], new Array(10).fill(0))]),
      "[request id: r1] batch size 5 exceeds max_batch_size 4 of model 'm'",
    ],
    [
      'another type',
      () => ask([tensor('x', 'FP64', [2, 3], [1, 2, 3, 4, 5, 6]), ids]),
      "[request id: r1] input 'x' of model 'm' must be FP32, it is FP64",
    ],
    [
      'a type that is none',
      () => ask([{ ...x, datatype: 'FP8' as never }, ids]),
      "[request id: r1] input 'x' of model 'm' must be FP32, it is <invalid>",
    ],
    [
      'another shape',
      () => ask([fp32('x', [2, 4], new Array(8).fill(0)), ids]),
      "[request id: r1] input 'x' of model 'm' must have shape [batch,3], it has [batch=2,4]; the first dimension is the batch, which the config implies",
    ],
    [
      'another rank',
      () => askPlain([fp32('x', [4], [1, 2, 3, 4])]),
      `${noId}input 'x' of model 'p' must have shape [2,2], it has [4]`,
    ],
    [
      'a variable dimension in a request',
      () => ask([x, tensor('ids', 'INT64', [2, -1, 2], [1, 2])]),
      "[request id: r1] input 'ids' of model 'm': every dimension of a request must be from 0 to 2^53 - 1, the shape is [batch=2,-1,2]",
    ],
    [
      'too few bytes',
      () => ask([{ ...x, data: new Float32Array(5) }, ids]),
      "[request id: r1] input 'x' of model 'm' has 20 bytes; FP32 of shape [batch=2,3] takes 24",
    ],
  ];
  test.each(cases)('%s', (_, act, message) => {
    expect(act).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID', status: 'INVALID_ARG', message }));
  });

  const text = (data: Uint8Array) => askPlain([square, { name: 'text', datatype: 'BYTES', shape: [2], data }]);
  const framed = encodeBytes(['ab', 'c']);
  test.each([
    ['fewer texts', encodeBytes(['ab']), 'its shape holds 2 elements, 1 came'],
    ['more texts', encodeBytes(['ab', 'c', 'd']), 'its shape holds 2 elements, more follow from byte 11 on'],
    ['a cut length', framed.subarray(0, 8), 'element 1 should start with a length of 4 bytes, 2 are left'],
    ['a cut text', framed.subarray(0, 5), 'element 0 is 2 bytes long, 1 are left'],
    ['a length beyond all', Uint8Array.of(255, 255, 255, 255, 0), 'element 0 is 4294967295 bytes long, 1 are left'],
  ])('text: %s', (_, data, reason) => {
    expect(() => text(data)).toThrow(`${noId}input 'text' of model 'p': ${reason}`);
  });
});
