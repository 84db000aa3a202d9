import { expect, test } from 'vitest';
import { classAnswer } from './classify.ts';
import type { Classes } from './interface.ts';

const output = { name: 'logits', datatype: 'FP32', dims: [3], optional: false } as const;
const column = { output, shape: [3], elementsPerItem: 3, elements: [9, 9, 9, 2, -1, 0] };
const answer = (classes: Partial<Classes>) =>
  classAnswer('m', { output: 'logits', labels: ['a', 'b', 'c'], ...classes }, column, 1);

test('labels that exclude each other share one; independent ones are judged one by one', () => {
  const { scores: shared, label } = answer({}) as { scores: Record<string, number>; label: string };
  expect(label).toBe('a');
  expect(Object.values(shared).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 12);
  const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
  expect(answer({ independent: true })).toEqual({
    logits: [2, -1, 0],
    label: 'a',
    scores: { a: sigmoid(2), b: sigmoid(-1), c: 0.5 },
  });
});
