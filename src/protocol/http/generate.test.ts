import { expect, test } from 'vitest';
import { decodeStrings, stringTensor } from '../../tensor/index.ts';
import { decodeGenerateRequest, encodeGenerateResponse } from '../index.ts';

const inputs = [
  { name: 'text', datatype: 'BYTES', shape: [-1, 1] },
  { name: 'x', datatype: 'FP32', shape: [-1, 2] },
  { name: 'n', datatype: 'INT64', shape: [1] },
  { name: 'grid', datatype: 'INT8', shape: [-1, -1, 2] },
];
const decode = (json: unknown, metadata = inputs, maxInputBytes = 1000) => {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  return decodeGenerateRequest(new TextEncoder().encode(text), { model: 'm', version: '1' }, metadata, maxInputBytes);
};

test('members named like inputs become tensors, the others parameters', () => {
  const request = decode({
    id: 'r',
    text: 'Hallo €',
    x: [1, 2, 3, 4],
    parameters: { n: 7, temperature: 0.5, sequence_id: 3 },
    grid: [1, 2, 3, 4],
    stream: false,
  });
  const [text, ...rest] = request.inputs;
  expect(text).toMatchObject({ name: 'text', shape: [1, 1] });
  expect(decodeStrings(text!.data as Uint8Array)).toEqual(['Hallo €']);
  expect(rest).toEqual([
    { name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    { name: 'n', datatype: 'INT64', shape: [1], data: BigInt64Array.of(7n) },
    { name: 'grid', datatype: 'INT8', shape: [1, 2, 2], data: Int8Array.of(1, 2, 3, 4) },
  ]);
  expect(request).toMatchObject({ model: 'm', version: '1', id: 'r' });
  expect({ ...request.parameters }).toEqual({ temperature: 0.5, sequence_id: 3, stream: false });
});

test('several texts fill the batch', () => {
  expect(decode({ text: ['a', 'b', 'c'] }).inputs[0]!.shape).toEqual([3, 1]);
});

test.each([
  ['', 'request JSON: ends where the request should be at byte 0'],
  ['[]', 'request JSON: the request must be an object, got an array'],
  ['{"id":1}', "'id' must be a string, got 1"],
  ['{"parameters":1}', "'parameters' must be an object, got 1"],
  ['{"x":[1,2,3]}', "tensor 'x': 3 values do not fill shape [-1,2]"],
  ['{"x":[]}', "tensor 'x': 0 values do not fill shape [-1,2]"],
  ['{"n":[1,2]}', "tensor 'n': 2 values do not fill shape [1]"],
  ['{"x":["a",1]}', 'an FP32 element must be a number, got a string'],
  ['{"n":"a"}', 'an integer element must be a number, got a string'],
  ['{"x":[1,[2,3]]}', "'data' of tensor 'x' has 3 elements, shape [1,2] needs 2,"],
  ['{"x":[1,2],"x":[1,2]}', "input 'x' is listed twice"],
  ['{"other":[1]}', "parameter 'other' must be a string, a number or a boolean, got an array"],
])('%s is refused', (json, message) => {
  expect(() => decode(json)).toThrow(message);
});

test('odd models are refused by name', () => {
  const model = (name: string, datatype: string) => [{ name, datatype, shape: [-1] }];
  expect(() => decode({ h: 1 }, model('h', 'FP16'))).toThrow("tensor 'h': FP16 cannot be sent as JSON");
  expect(() => decode({ h: 1 }, model('h', 'X'))).toThrow("tensor 'h': unknown datatype 'X'");
  expect(() => decode({ parameters: {} }, model('parameters', 'FP32'))).toThrow(
    "an input is named 'parameters', which generate requests cannot fill",
  );
  expect(() => decode({ text: 'x'.repeat(2000) })).toThrow(/the request's JSON has \d+ bytes, the limit is 1000/);
});

test('an answer lists everything by name, single values without brackets', () => {
  const response = {
    model: 'm',
    version: '1',
    id: 'r',
    parameters: { score: 0.5, id: 'hidden' },
    outputs: [
      stringTensor('text', [1, 1], ['Guten "Tag"']),
      { name: 'logits', datatype: 'FP32' as const, shape: [1, 2], data: Float32Array.of(1, 0.5) },
      { name: 'empty', datatype: 'FP32' as const, shape: [0], data: new Float32Array(0) },
    ],
  };
  expect(encodeGenerateResponse(response)).toBe(
    '{"empty":[],"id":"r","logits":[1.0,0.5],"model_name":"m","model_version":"1","score":0.5,"text":"Guten \\"Tag\\""}',
  );
});
