import { expect, test } from 'vitest';
import { fuzzConnections } from './testing/fuzz.ts';

// `npm run fuzz -- --seconds 600` goes on for longer, and elsewhere.
test('whatever comes in whatever pieces: every request one answer in HTTP, in order, or the connection is closed', async () => {
  const { answered, refused } = await fuzzConnections(1, (round) => round === 6000);
  // Both sides have to be reached to be worth the time.
  expect(answered).toBeGreaterThan(3000);
  expect(refused).toBeGreaterThan(1500);
});
