import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { referencePages } from '../scripts/reference.ts';

test.each(Object.entries(referencePages()))('docs/reference/%s is what the code says', (name, text) => {
  expect(readFileSync(new URL(`../docs/reference/${name}`, import.meta.url), 'utf8')).toBe(text);
});
