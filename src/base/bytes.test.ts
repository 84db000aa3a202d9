import { expect, test } from 'vitest';
import { formatBytes } from './index.ts';

test('a size has one decimal from a kilobyte on', () => {
  expect([0, 999, 1000, 1_234_567, 9.87e9, 5e15].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 MB',
    '9.9 GB',
    '5000.0 TB',
  ]);
});
