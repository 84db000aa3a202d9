import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTokenizer } from './index.ts';

// Pairs of texts by the Python package `tokenizers`; python/tokenizer/make_golden.py writes them.
const file = join(import.meta.dirname, '../../test/golden/tokenizer-pairs.jsonl');
const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n');
const { limit, tokenizers } = JSON.parse(head!) as { limit: number; tokenizers: object[] };
interface Golden {
  tokenizer: number;
  text: string;
  pair: string;
  ids: number[];
  type_ids: number[];
}

test('two texts are put together and cut as the Python package does', () => {
  expect(lines.length).toBeGreaterThan(200);
  const made = tokenizers.map((json) => createTokenizer(json, { maxLength: limit }));
  for (const line of lines) {
    const { tokenizer, text, pair, ids, type_ids: typeIds } = JSON.parse(line) as Golden;
    expect(made[tokenizer]!.encodePair(text, pair), `${tokenizer}: '${text}', '${pair}'`).toEqual({ ids, typeIds });
  }
});

test('a batch of pairs is padded to the longest', () => {
  const { input_ids, attention_mask, length } = createTokenizer(tokenizers[0]!).encodeBatch(
    ['profit', 'profit rose'],
    ['rose', 'the profit rose'],
  );
  expect(length).toBe(8);
  expect(Array.from(attention_mask, Number)).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(Array.from(input_ids.subarray(0, 8), Number)).toEqual([2, 6, 3, 7, 3, 0, 0, 0]);
});

test.each([
  [[{ Sequence: { id: 'A' } }], 'post_processor.pair: has 0 places for text B, it must have one'],
  [[{ Sequence: { id: 'C' } }], 'post_processor.pair[0]: expected sequence A or B'],
  [['A'], 'post_processor.pair[0]: expected a SpecialToken or a Sequence'],
  [[{ SpecialToken: { id: '[X]' } }], 'post_processor.pair[0]: special token "[X]" has no ids'],
  [undefined, 'post_processor.pair: expected a list'],
])('a template %j is refused when two texts are given', (pair, problem) => {
  const json = structuredClone(tokenizers[0]!) as { post_processor: Record<string, unknown> };
  json.post_processor.pair = pair;
  expect(() => createTokenizer(json).encodePair('profit', 'rose')).toThrow(problem);
  expect(createTokenizer(json).encode('profit').ids).toEqual([2, 6, 3]);
});

test('types are zeros where the model was saved without them', () => {
  const types = (tokenizerConfig: object) =>
    Array.from(createTokenizer(tokenizers[0]!, { tokenizerConfig }).encodeBatch(['profit'], ['rose']).token_type_ids);
  expect(types({})).toEqual([0n, 0n, 0n, 1n, 1n]);
  expect(types({ tokenizer_class: 'BertTokenizer' })).toEqual([0n, 0n, 0n, 1n, 1n]);
  expect(types({ model_input_names: ['input_ids', 'attention_mask'] })).toEqual([0n, 0n, 0n, 0n, 0n]);
  expect(types({ tokenizer_class: 'TokenizersBackend' })).toEqual([0n, 0n, 0n, 0n, 0n]);
});
