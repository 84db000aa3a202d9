import { expect, test } from 'vitest';
import { decodeStrings, type Tensor, type TensorData } from '../tensor/index.ts';
import { type ClassificationOptions, classify } from './index.ts';

function classes(tensor: Omit<Tensor, 'name'>, options: ClassificationOptions) {
  const { shape, datatype, data } = classify({ name: 'y', ...tensor }, options);
  return { shape, datatype, elements: decodeStrings(data as Uint8Array) };
}

test('the highest values come first, with index and label, per row of a batch', () => {
  const data = Float32Array.of(0.1, 3.3, -2, 5, 5, 1);
  const labels = ['low', 'high'];
  expect(classes({ datatype: 'FP32', shape: [2, 3], data }, { count: 2, batching: true, labels })).toEqual({
    datatype: 'BYTES',
    shape: [2, 2],
    elements: ['3.300000:1:high', '0.100000:0:low', '5.000000:0:low', '5.000000:1:high'],
  });
});

test('a model without batches has one row, and no more classes than elements', () => {
  const data = BigInt64Array.of(5n, -1n, 2n ** 60n);
  expect(classes({ datatype: 'INT64', shape: [3], data }, { count: 9, batching: false })).toEqual({
    datatype: 'BYTES',
    shape: [3],
    elements: ['1152921504606846976:2', '5:0', '-1:1'],
  });
});

test('the long way of sorting agrees with the short one', () => {
  const data = Float64Array.from({ length: 500 }, (_, index) => Math.sin(index * 7));
  const row = { datatype: 'FP64' as const, shape: [500], data };
  const long = classes(row, { count: 400, batching: false }).elements;
  expect(classes(row, { count: 60, batching: false }).elements).toEqual(long.slice(0, 60));
});

test('values print as with C, NaN sorts last', () => {
  const print = (...values: number[]) =>
    classes(
      { datatype: 'FP64', shape: [values.length], data: Float64Array.from(values) },
      {
        count: values.length,
        batching: false,
      },
    ).elements.map((text) => text.split(':')[0]);
  expect(print(Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toEqual([
    'inf',
    '1.000000',
    '-inf',
    'nan',
  ]);
  // Exact ties of the seventh decimal go to the even digit: 1/128 and 3/128.
  expect(print(0.0078125)).toEqual(['0.007812']);
  expect(print(0.0234375)).toEqual(['0.023438']);
  expect(print(1e22)).toEqual(['10000000000000000000000.000000']);
  expect(print(-0.0000001)).toEqual(['-0.000000']);
});

test('types without an order and oversized rows are refused', () => {
  const refuse = (datatype: Tensor['datatype'], data: TensorData, length = 1) =>
    classes({ datatype, shape: [length], data }, { count: 1, batching: false });
  expect(() => refuse('BOOL', new Uint8Array(1))).toThrow("output 'y': classification is not available for BOOL");
  expect(() => refuse('FP16', new Uint16Array(1))).toThrow('not available for FP16');
  expect(() => refuse('INT8', new Int8Array(1_000_001), 1_000_001)).toThrow(
    "output 'y': classification sorts at most 1000000 elements, a row has 1000001",
  );
});
