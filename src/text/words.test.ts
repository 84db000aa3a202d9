import { expect, test } from 'vitest';
import { wordsOf } from './words.ts';

/** A tokenizer of letters that parts as told. */
function tokenizer(parting: RegExp) {
  const encode = (text: string) =>
    [...text.matchAll(parting)].flatMap(([part]) =>
      [...part].map((letter) => letter.codePointAt(0)!).concat(part.length),
    );
  return encode;
}

const text = 'It isn’t 5%, is it?';

test.each([
  ['punctuation apart', /[^\s\w]|\w+/g, ['It', 'isn', '’', 't', '5', '%', ',', 'is', 'it', '?']],
  [
    'with the space before',
    / ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+/gu,
    ['It', 'isn', '’', 't', '5', '%,', 'is', 'it', '?'],
  ],
  ['white space alone', /\S+/g, ['It', 'isn’t', '5%,', 'is', 'it?']],
])('words of a tokenizer that parts %s', (_name, parting, expected) => {
  const encode = tokenizer(parting);
  const ids = encode(text);
  const words = wordsOf(text, ids, encode, 1)!;
  expect(words.map(({ start, end }) => text.slice(start, end))).toEqual(expected);
  expect(words[0]!.first).toBe(1);
  for (const [at, { first, count }] of words.entries())
    expect(words[at + 1]?.first ?? ids.length + 1).toBe(first + count);
});

test('of a text that was cut the words that are left', () => {
  const encode = tokenizer(/[^\s\w]|\w+/g);
  const words = wordsOf(text, encode(text).slice(0, 5), encode, 0)!;
  expect(words.map(({ start, end }) => text.slice(start, end))).toEqual(['It', 'isn']);
});

test('a tokenizer that looks over the whole text has no words', () => {
  expect(wordsOf('a b', [1, 2, 3], () => [7], 0)).toBeUndefined();
});
