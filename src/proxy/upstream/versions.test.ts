import { expect, test } from 'vitest';
import { VersionRoutes } from './versions.ts';

const always = () => true;
function count(routes: VersionRoutes, times: number, ready: (version: string) => boolean = always) {
  const counts: Record<string, number> = {};
  for (let index = 0; index < times; index++) {
    const version = routes.choose('m', ready) ?? 'none';
    counts[version] = (counts[version] ?? 0) + 1;
  }
  return counts;
}

test('weights come out as shares, spread evenly over time', () => {
  const routes = new VersionRoutes();
  expect(count(routes, 3)).toEqual({ none: 3 });
  routes.set('m', { '2': 90, '3': 10 });
  const counts = count(routes, 1000);
  expect(counts['3']).toBeGreaterThanOrEqual(98);
  expect(counts['3']).toBeLessThanOrEqual(102);
  // Not in one lump: every stretch of a hundred has its ten, give or take two.
  for (let stretch = 0; stretch < 5; stretch++) {
    const { '3': some } = count(routes, 100);
    expect(some).toBeGreaterThanOrEqual(8);
    expect(some).toBeLessThanOrEqual(12);
  }
  expect(routes.main('m')).toBe('2');
});

test('a version that is not ready gets nothing, as long as another is', () => {
  const routes = new VersionRoutes();
  routes.set('m', { '2': 50, '3': 50, '4': 0 });
  expect(count(routes, 10, (version) => version !== '3')).toEqual({ '2': 10 });
  expect(Object.keys(count(routes, 10, () => false)).sort()).toEqual(['2', '3']);
});

test('a pin goes before the weights', () => {
  const routes = new VersionRoutes();
  routes.set('m', { '2': 1 });
  routes.pin('m', '1');
  expect([count(routes, 5), routes.main('m')]).toEqual([{ '1': 5 }, '1']);
  routes.unpin('m');
  expect(count(routes, 5)).toEqual({ '2': 5 });
  routes.clear('m');
  expect([routes.list(), routes.main('m')]).toEqual([[], undefined]);
});

test.each([{}, { '2': 0 }, { '2': -1 }, { a: 1 }, { '2': Number.NaN }])('%j shares out nothing', (weights) => {
  expect(() => new VersionRoutes().set('m', weights as Record<string, number>)).toThrow("model 'm'");
});
