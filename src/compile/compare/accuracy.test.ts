import { expect, test } from 'vitest';
import { accuracyOf, firstOutput } from './accuracy.ts';

const rows = (...values: number[][]) => values.map((row) => Float64Array.from(row));

test('errors, cosines, labels and the score of a classifier', () => {
  const accuracy = accuracyOf({
    expected: rows([1, 0], [0, 1], [2, 0]),
    actual: rows([1, 0.5], [0, 1], [0, 2]),
    classifies: true,
    truth: [0, 1, undefined],
  });
  expect(accuracy).toMatchObject({ worstError: 2, cosine: 0, labelAgreement: 2 / 3, macroF1: 100 });
});

test('a variant with other rows, or no numbers, has no finite error', () => {
  const order = { expected: rows([1, 2]), classifies: false, truth: [] };
  expect(accuracyOf({ ...order, actual: rows([1, Number.NaN]) }).worstError).toBe(Number.POSITIVE_INFINITY);
  expect(accuracyOf({ ...order, actual: [] }).worstError).toBe(Number.POSITIVE_INFINITY);
  expect(accuracyOf({ ...order, actual: rows([1, 2]) })).toEqual({ worstError: 0, cosine: 1, meanCosine: 1 });
});

test('padded and packed give the same rows, whatever the output is called', () => {
  const padded = { name: 'out', datatype: 'FP32', dims: [2, 2, 1], data: Float32Array.of(1, 2, 3, 0) } as const;
  const packed = { name: 'other', datatype: 'FP32', dims: [3, 1], data: Float32Array.of(1, 2, 3) } as const;
  const of = (tensor: typeof padded | typeof packed, kept: number[]) =>
    firstOutput([{ inputs: [], kept: Uint8Array.from(kept) }], [[tensor]], 'out');
  expect(of(padded, [1, 1, 1, 0])).toEqual(rows([1], [2], [3]));
  expect(of(packed, [1, 1, 1])).toEqual(rows([1], [2], [3]));
});
