import { expect, test } from 'vitest';
import { newFloats } from './memory.ts';

test('arrays of any size are zeros of their own, at a multiple of 8, and keep no more than 4 kB', () => {
  const arrays = Array.from({ length: 3000 }, (_, index) => newFloats(index % 100));
  arrays.forEach((array, index) => {
    expect(array).toEqual(new Float32Array(index % 100));
    expect(array.byteOffset % 8).toBe(0);
    expect(array.buffer.byteLength).toBeLessThanOrEqual(4096);
  });
  arrays.forEach((array, index) => void array.fill(index));
  expect(arrays.every((array, index) => array.every((value) => value === index))).toBe(true);
});
