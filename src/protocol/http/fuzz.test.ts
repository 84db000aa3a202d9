import { expect, test } from 'vitest';
import { fuzzCompression, fuzzRequests, fuzzResponses } from './testing/fuzz.ts';

// `npm run fuzz -- --seconds 600 --seed 7` runs longer and elsewhere.
const rounds = 20_000;
const until = (round: number) => round === rounds;

test(`whatever the bytes: a valid request or an error from the catalogue (${rounds} bodies)`, () => {
  const outcomes = fuzzRequests(1, until);
  // The mutations have to reach both sides of every check to be worth their time.
  for (const outcome of ['accepted', 'REQUEST_MALFORMED', 'REQUEST_INVALID']) {
    expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(rounds / 200);
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('whatever a server answers: a response or SERVER_ERROR', () => {
  fuzzResponses(2, (round) => round === rounds / 4);
});

test('whatever is compressed: no more than the limit comes out of it, or an error from the catalogue', async () => {
  const outcomes = await fuzzCompression(3, (round) => round === 500);
  for (const outcome of ['accepted', 'REQUEST_TOO_LARGE', 'REQUEST_INVALID']) {
    expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(20);
  }
});
