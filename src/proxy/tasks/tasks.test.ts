import { expect, test } from 'vitest';
import { entitiesOf } from './entities.ts';
import { vectorOf } from './vectors.ts';

const labels = ['O', 'B-PER', 'I-PER', 'B-ORG'];
const text = 'Ann Lee of Acme, Bob';

/** Words of `text` whose best label is the given one, by probability 0.75 and more. */
function tagged(...given: [word: string, label: string, logit?: number][]) {
  let from = 0;
  return given.map(([word, label, logit = 2]) => {
    const start = text.indexOf(word, from);
    from = start + word.length;
    return { start, end: from, logits: labels.map((name) => (name === label ? logit : 0)) };
  });
}

test('words of one entity join; a new beginning, another entity and a gap part them', () => {
  const words = tagged(
    ['Ann', 'B-PER'],
    ['Lee', 'I-PER', 4],
    ['of', 'O'],
    ['Acme', 'B-ORG'],
    [',', 'O'],
    ['Bob', 'I-PER'],
  );
  const entities = entitiesOf(text, words, labels, true);
  expect(entities.map(({ entity, text, start, end }) => [entity, text, start, end])).toEqual([
    ['PER', 'Ann Lee', 0, 7],
    ['ORG', 'Acme', 11, 15],
    ['PER', 'Bob', 17, 20],
  ]);
  const score = (logit: number) => Math.exp(logit) / (Math.exp(logit) + 3);
  expect(entities[0]!.score).toBeCloseTo((score(2) + score(4)) / 2, 12);
  expect(entitiesOf(text, words, labels, false).map(({ entity }) => entity)).toEqual([
    'B-PER',
    'I-PER',
    'B-ORG',
    'I-PER',
  ]);
  const both = tagged(['Ann', 'B-PER'], ['Lee', 'B-PER']);
  expect(entitiesOf(text, both, labels, true).map(({ text }) => text)).toEqual(['Ann', 'Lee']);
});

test('a vector of tokens is the mean of the text’s own rows', () => {
  const output = { name: 'h', datatype: 'FP32' as const, dims: [-1, 2], optional: false };
  const column = { output, shape: [3, 2], elementsPerItem: 6, elements: [9, 9, 9, 9, 9, 9, 3, 0, 3, 8, 100, 100] };
  const row = { columns: [column], index: 1, tokens: 2 };
  const how = { normalize: false, pooling: 'mean' as const };
  expect(vectorOf(row, 'h', how)).toEqual([3, 4]);
  expect(vectorOf(row, 'h', { ...how, normalize: true })).toEqual([0.6, 0.8]);
  expect(vectorOf(row, 'h', { ...how, pooling: 'cls' })).toEqual([3, 0]);
  expect(vectorOf(row, 'h', { ...how, dimensions: 1, normalize: true })).toEqual([1]);
  const broken = { ...row, columns: [{ ...column, elements: Array(12).fill(Number.NaN) }] };
  expect(() => vectorOf(broken, 'h', how)).toThrow("output 'h' is not finite");
});
