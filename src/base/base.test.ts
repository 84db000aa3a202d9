import { expect, test } from 'vitest';
import { ConchError, hashBytes, hashValue, percentile, redact, toConchError, track } from './index.ts';

test('an error formats its place, message and fix, and redacts credentials', () => {
  const error = new ConchError('CONFIG_INVALID', "unknown field 'max_batchsize'", {
    where: { file: 'models/a/config.pbtxt', line: 3, column: 1 },
    fix: 'did you mean max_batch_size?',
  });
  expect(error.status).toBe('INVALID_ARG');
  expect(String(error)).toBe(
    "models/a/config.pbtxt:3:1: unknown field 'max_batchsize'\n  fix: did you mean max_batch_size?",
  );
  expect(new ConchError('HUB_UNREACHABLE', 'GET https://me:secret@host/x?token=abc hf_abcdefgh1234').message).toBe(
    'GET https://***@host/x?token=*** hf_***',
  );
});

test('thrown values become ConchErrors once', () => {
  const first = toConchError(new TypeError('x is not a function'));
  expect(first.code).toBe('INTERNAL');
  expect(first.cause).toBeInstanceOf(TypeError);
  expect(toConchError(first)).toBe(first);
});

test('redact leaves ordinary text alone', () => {
  expect(redact('basic usage of the bearer of news')).toBe('basic usage of the bearer of news');
});

test('hashValue ignores key order and tells values apart', () => {
  expect(hashValue({ a: 1, b: { c: [1n] } })).toBe(hashValue({ b: { c: [1n] }, a: 1 }));
  expect(hashValue({ a: 1 })).not.toBe(hashValue({ a: 2 }));
  expect(hashBytes('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('percentile interpolates as NumPy does', () => {
  expect(percentile([1, 2, 3, 4], 50)).toBe(2.5);
  expect(percentile([1, 2, 3, 4], 99)).toBeCloseTo(3.97, 12);
  expect(percentile([7], 10)).toBe(7);
  expect(percentile([], 50)).toBeNaN();
});

test('track reports failure and rethrows', async () => {
  const seen: string[] = [];
  const progress = {
    start: (title: string) => ({
      update() {},
      done: (detail?: string) => void seen.push(`done ${title} ${detail}`),
      fail: () => void seen.push(`fail ${title}`),
    }),
  };
  await expect(track(progress, 'a', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await track(
    progress,
    'b',
    async () => 3,
    (n) => `${n} files`,
  );
  expect(seen).toEqual(['fail a', 'done b 3 files']);
});
