import { expect, test } from 'vitest';
import { fuzzH2 } from './testing/fuzz.ts';

/** npm run fuzz runs longer and elsewhere. */
test('broken HTTP/2: the server stands, and answers the next good call', async () => {
  const { rounds, answered } = await fuzzH2(1, (done) => done >= 400);
  expect(rounds).toBe(400);
  expect(answered).toBeGreaterThan(100);
});
