/** Numbers from 0 up to 1 that a seed decides: mulberry32, by Tommy Ettinger; 32 bits of state are plenty for tests. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `below(n)` is a whole number from 0 to n - 1. */
export type Random = (below: number) => number;

export function seededIntegers(seed: number): Random {
  const next = seeded(seed);
  return (below) => Math.floor(next() * below);
}
