import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { RateLimiter, rateLimiterOf } from './rate-limiter.ts';
import { ask, probe } from './testing/models.ts';
import { deferred, ProbeBackend } from './testing/probe.ts';
import { TemporaryRepository } from './testing/repository.ts';

const one = (name: string, count = 1, global = false) => ({ resources: [{ name, count, global }] });

/** Instances that log when they start and are finished by hand. */
function bench(limits: ConstructorParameters<typeof RateLimiter>[0] = []) {
  const limiter = new RateLimiter(limits);
  const started: string[] = [];
  const instance = (name: string, config: Parameters<RateLimiter['register']>[1] = {}) => {
    const limited = limiter.register(name, config);
    return {
      want: () => limited.acquire(() => started.push(name)),
      done: () => limited.release(),
      close: () => limited.close(),
    };
  };
  return { instance, started };
}

describe('turns', () => {
  test('without resources everybody runs at once', () => {
    const { instance, started } = bench();
    for (const name of ['a', 'b']) instance(name).want();
    expect(started).toEqual(['a', 'b']);
  });

  test('who has run less goes first; priority 2 gets half the turns', () => {
    const { instance, started } = bench();
    const [a, b] = [instance('a', { ...one('r'), priority: 1 }), instance('b', { ...one('r'), priority: 2 })];
    a.want();
    for (let turn = 0; turn < 5; turn++) {
      a.want();
      b.want();
      (started.at(-1) === 'a' ? a : b).done();
    }
    expect(started.join('')).toBe('abaaba');
  });

  test('who lacks a resource is not overtaken', () => {
    const { instance, started } = bench([{ name: 'r', count: 2 }]);
    const [small, large, late] = [
      instance('small', one('r')),
      instance('large', one('r', 2)),
      instance('late', one('r')),
    ];
    small.want();
    large.want();
    late.want();
    expect(started).toEqual(['small']);
    small.done();
    expect(started).toEqual(['small', 'large']);
    large.done();
    expect(started).toEqual(['small', 'large', 'late']);
  });

  test('an instance that goes makes room for those behind it', () => {
    const { instance, started } = bench([{ name: 'r', count: 2 }]);
    const [small, large, late] = [
      instance('small', one('r')),
      instance('large', one('r', 2)),
      instance('late', one('r')),
    ];
    small.want();
    large.want();
    late.want();
    large.close();
    expect(started).toEqual(['small', 'late']);
  });
});

describe('what there is of a resource', () => {
  test('unless flags say, as much as the most demanding instance needs', () => {
    const { instance, started } = bench();
    const [two, first, second, third] = [
      instance('two', one('r', 2)),
      instance('a', one('r')),
      instance('b', one('r')),
      instance('c', one('r')),
    ];
    for (const each of [first, second, third]) each.want();
    expect(started).toEqual(['a', 'b']);
    two.close();
    first.done();
    expect(started).toEqual(['a', 'b']);
    second.done();
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('a device has its own count', () => {
    const limits = [
      { name: 'r', count: 5 },
      { name: 'r', count: 1, device: 0 },
    ];
    expect(() => bench(limits).instance('a', one('r', 2))).toThrow("instance 'a' needs 2 of resource 'r', there are 1");
    bench(limits).instance('a', one('r', 5, true));
  });

  test('what flags do not name is not there; more than there is cannot be asked for', () => {
    expect(() => bench([{ name: 'r', count: 1 }]).instance('a', one('s'))).toThrow(
      "instance 'a' needs 1 of resource 's', there are 0",
    );
    expect(() => bench([{ name: 'r', count: 1 }]).instance('a', one('r', 2))).toThrow(
      "needs 2 of resource 'r', there are 1",
    );
  });

  test('global and per device at once is refused', () => {
    const { instance } = bench();
    instance('a', one('r', 1, true));
    expect(() => instance('b', one('r'))).toThrow("resource 'r' is per device for instance 'b' and global for 'a'");
  });
});

test('an instance belongs to the group that its place falls into', () => {
  const { config } = parseConfig(`instance_group [
    { count: 2 rate_limiter { priority: 1 } }, { count: 3 passive: true }, { rate_limiter { priority: 7 } } ]`);
  expect([0, 1, 2, 3].map((index) => rateLimiterOf(config, index).priority)).toEqual([1, 1, 7, undefined]);
});

test('in the engine, instances of different models share what they name', async () => {
  const limited = 'instance_group { kind: KIND_CPU count: 1 rate_limiter { resources { name: "r" count: 1 } } }';
  const release = deferred();
  const log: string[] = [];
  const backend = new ProbeBackend({
    answer: async ({ inputs, outputs }, { name }) => {
      if (Number(inputs[0]!.data[0]) === 0) return outputs.map((output) => ({ ...inputs[0]!, name: output }));
      log.push(`${name} starts`);
      if (name === 'a') await release.promise;
      log.push(`${name} ends`);
      return outputs.map((output) => ({ ...inputs[0]!, name: output }));
    },
  });
  const repository = new TemporaryRepository().bare('a', probe(limited)).bare('b', probe(limited));
  const engine = await repository.open({ backends: { probe: backend }, rateLimit: { resources: [] } });
  const both = [ask(engine, 'a'), ask(engine, 'b')];
  while (log.length < 1) await new Promise((resolve) => setImmediate(resolve));
  release.resolve();
  await Promise.all(both);
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
});

test('a model that asks for more than there is does not load, and says why', async () => {
  const greedy = 'instance_group { kind: KIND_CPU rate_limiter { resources { name: "r" count: 3 } } }';
  const repository = new TemporaryRepository().bare('m', probe(greedy));
  const backend = new ProbeBackend();
  const engine = await repository.open({
    backends: { probe: backend },
    rateLimit: { resources: [{ name: 'r', count: 1 }] },
  });
  expect(backend.closes).toBe(1);
  await expect(engine.load('m')).rejects.toThrow("instance 'm_0' needs 3 of resource 'r', there are 1");
});
