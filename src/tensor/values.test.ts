import { expect, test } from 'vitest';
import { type Datatype, datatypes, type TensorValue, tensorOf, valuesOf } from './index.ts';

test.each<[Datatype, TensorValue[]]>([
  ['BOOL', [true, false]],
  ['INT8', [-128, 127]],
  ['UINT8', [0, 255]],
  ['INT16', [-32768, 32767]],
  ['UINT16', [0, 65535]],
  ['INT32', [-(2 ** 31), 2 ** 31 - 1]],
  ['UINT32', [0, 2 ** 32 - 1]],
  ['INT64', [-(2n ** 63n), 2n ** 63n - 1n]],
  ['UINT64', [0n, 2n ** 64n - 1n]],
  ['FP16', [0.5, -65504]],
  ['BF16', [1, -3.140625]],
  ['FP32', [0.5, Number.NaN]],
  ['FP64', [0.1, Number.POSITIVE_INFINITY]],
  ['BYTES', ['Gewinn 5 €', '']],
])('%s values survive', (datatype, values) => {
  const tensor = tensorOf('x', datatype, [2, 1], values);
  expect(tensor).toMatchObject({ name: 'x', datatype, shape: [2, 1] });
  expect(tensor.data).toBeInstanceOf(datatypes[datatype].array);
  expect(valuesOf(tensor)).toEqual(values);
});

test('halves are rounded', () => {
  expect(valuesOf(tensorOf('x', 'FP16', [2], [0.1, 70000]))).toEqual([0.0999755859375, Number.POSITIVE_INFINITY]);
});

test('a typed array of the right kind is not copied; of another kind it is converted', () => {
  const data = new Float32Array([1, 2]);
  expect(tensorOf('x', 'FP32', [2], data).data).toBe(data);
  const halves = new Uint16Array([0x3c00]);
  expect(tensorOf('x', 'FP16', [1], halves).data).toBe(halves);
  expect(tensorOf('x', 'FP16', [1], new Float32Array([1])).data).toEqual(halves);
  expect(tensorOf('x', 'INT64', [1], new Int32Array([7])).data).toEqual(new BigInt64Array([7n]));
  expect(tensorOf('x', 'INT64', [1], [7]).data).toEqual(new BigInt64Array([7n]));
});

test.each<[Datatype, TensorValue[], string]>([
  ['INT8', [128], 'element 0 is no INT8: 128'],
  ['INT32', [1, 1.5], 'element 1 is no INT32: 1.5'],
  ['UINT64', [-1n], 'element 0 is no UINT64: -1'],
  ['INT64', [2 ** 60], 'element 0 is no INT64: 115292150460684'],
  ['FP32', ['1'], 'element 0 is no FP32: "1"'],
  ['FP32', [1n], 'element 0 is no FP32: 1'],
  ['BOOL', [2], 'element 0 is no BOOL: 2'],
  ['BYTES', [1], 'element 0 is neither text nor bytes: 1'],
])('%s of what it cannot hold is refused (%#)', (datatype, values, message) => {
  expect(() => tensorOf('x', datatype, [values.length], values)).toThrow(`tensor 'x': ${message}`);
});

test('the number of values has to fit the shape', () => {
  expect(() => tensorOf('x', 'FP32', [2, 2], [1])).toThrow("tensor 'x': shape [2,2] needs 4 elements, got 1");
});
