import { expect, test } from 'vitest';
import { dimsOf, toInteger } from './index.ts';

test('64-bit fields become numbers', () => {
  expect([toInteger(3), toInteger(3n), toInteger(undefined), toInteger(undefined, -1)]).toEqual([3, 3, 0, -1]);
  expect(toInteger(2n ** 64n - 1n)).toBe(2 ** 64);
});

test('dims become numbers', () => {
  expect(dimsOf({ dims: [-1, 3n] })).toEqual([-1, 3]);
  expect(dimsOf({})).toEqual([]);
});
