import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Store } from './store.ts';

test('what was used longest ago goes first', () => {
  const store = new Store<number>({ maxBytes: 1e6, maxEntries: 2 });
  store.set('a', 1, 8);
  store.set('b', 2, 8);
  expect(store.get('a')).toBe(1);
  store.set('c', 3, 8);
  expect([store.get('a'), store.get('b'), store.get('c')]).toEqual([1, undefined, 3]);
});

test('a value that is larger than all may be is not kept, nor the one that it replaces', () => {
  const store = new Store<number>({ maxBytes: 1000, maxEntries: 10 });
  store.set('a', 1, 8);
  store.set('a', 2, 5000);
  expect([store.get('a'), store.size, store.bytes]).toEqual([undefined, 0, 0]);
});

test('neither bytes nor entries ever exceed their bounds', () => {
  const steps = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat(600)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (list) => {
      const store = new Store<number>({ maxBytes: 2000, maxEntries: 5 });
      for (const [key, bytes] of list) {
        store.set(key, bytes, bytes);
        expect(store.bytes).toBeLessThanOrEqual(2000);
        expect(store.size).toBeLessThanOrEqual(5);
      }
    }),
  );
});
