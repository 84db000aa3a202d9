import { expect, test } from 'vitest';
import { readLabels, softmax } from './index.ts';

test('labels are in the order of their numbers', () => {
  const twelve = Object.fromEntries(Array.from('abcdefghijkl', (label, i) => [`${11 - i}`, label]));
  expect(readLabels({ id2label: twelve }).join('')).toBe('lkjihgfedcba');
  expect(readLabels({ num_labels: 3 })).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
  expect(readLabels({})).toEqual(['LABEL_0', 'LABEL_1']);
});

test('labels with a gap, or none, are refused', () => {
  expect(() => readLabels({ id2label: { 0: 'a', 2: 'c' } })).toThrow(
    'id2label names 2 classes (0, 2), but no string for class 1',
  );
  expect(() => readLabels({ id2label: {} })).toThrow('id2label names 0 classes (none), but no string for class 0');
  expect(() => readLabels({ id2label: { 0: 3 } as never })).toThrow(
    'id2label names 1 classes (0), but no string for class 0',
  );
  expect(() => readLabels({ num_labels: 0 })).toThrow('num_labels: expected a positive integer, got 0');
});

test('softmax sums to one and stands large logits', () => {
  expect(softmax([0, 0])).toEqual([0.5, 0.5]);
  expect(softmax([1000, 0])).toEqual([1, 0]);
  expect(softmax([1, 2, 3]).reduce((a, b) => a + b)).toBeCloseTo(1, 15);
  expect(softmax(new Float32Array([1, 2]))[1]).toBeCloseTo(0.7310585786, 9);
  expect(softmax([Number.POSITIVE_INFINITY, 0])).toEqual([1, 0]);
  expect(softmax([])).toEqual([]);
});
