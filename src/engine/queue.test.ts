import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { DefaultScheduler } from './scheduler.ts';
import { Bench } from './testing/batches.ts';

const busy = (config: ConstructorParameters<typeof Bench>[0] = {}) => {
  const bench = new Bench({ maxBatchSize: 1, ...config });
  bench.send('x');
  bench.clock.settle();
  return bench;
};

describe('limits', () => {
  test('a full queue refuses, and takes again when there is room', () => {
    const bench = busy({ maxQueueSize: 2 });
    bench.send('ab');
    expect(() => bench.send('c')).toThrow(
      expect.objectContaining({
        code: 'QUEUE_FULL',
        status: 'UNAVAILABLE',
        message: "model 'm': 2 requests wait already, its queue takes 2",
      }),
    );
    bench.executor.finish();
    bench.send('d');
    expect(bench.scheduler.pending).toBe(2);
  });

  test('bytes are bounded too, but one request may always wait', () => {
    const bench = busy({ maxQueueBytes: 100 });
    bench.send('a', { bytes: 1000 });
    expect(() => bench.send('b', { bytes: 1 })).toThrow(
      "model 'm': the inputs of waiting requests take 1000 bytes already, 1 more exceed the limit of 100",
    );
  });

  test('max_queue_size counts waiting and delayed requests of its level', () => {
    const bench = busy({
      config: {
        default_queue_policy: { max_queue_size: 1, timeout_action: 'DELAY', default_timeout_microseconds: 1000 },
      },
    });
    bench.send('a');
    bench.clock.advance(2);
    expect(() => bench.send('b')).toThrow('1 requests wait already, its queue takes 1');
  });
});

describe('timeouts', () => {
  const reject = { default_timeout_microseconds: 10_000 };

  test('REJECT answers at the time, even while no instance is free', () => {
    const bench = busy({ config: { default_queue_policy: reject } });
    bench.send('a');
    bench.clock.advance(9.9);
    expect(bench.settled).toEqual([]);
    bench.clock.advance(0.1);
    expect(bench.settled).toEqual(['a:QUEUE_TIMEOUT']);
    expect(bench.errors.get('a')).toMatchObject({
      status: 'UNAVAILABLE',
      message: "model 'm': the request waited 10.0 ms for an instance, longer than its queue policy allows",
    });
    expect(bench.scheduler.pending).toBe(0);
  });

  test('an expired request is not run although its timer came late', () => {
    const bench = busy({ config: { default_queue_policy: reject } });
    bench.send('ab');
    bench.clock.stall(11);
    bench.send('c');
    bench.executor.finish();
    expect(bench.batches).toEqual(['x', 'c']);
    expect(bench.settled).toEqual(['x', 'a:QUEUE_TIMEOUT', 'b:QUEUE_TIMEOUT']);
  });

  test('what an instance has is not timed out', () => {
    const bench = busy({ config: { default_queue_policy: reject } });
    bench.clock.advance(50);
    bench.executor.finish();
    expect(bench.settled).toEqual(['x']);
    expect(bench.clock.timers).toBe(0);
  });

  test('DELAY serves an expired request after the others of its level and before lower levels, for ever', () => {
    const bench = busy({
      config: {
        priority_levels: 2,
        default_priority_level: 1,
        default_queue_policy: { timeout_action: 'DELAY', default_timeout_microseconds: 10_000 },
      },
    });
    bench.send('a');
    bench.clock.advance(11);
    bench.send('b');
    bench.send('c', { priority: 2 });
    bench.clock.advance(5);
    for (let round = 0; round < 4; round++) bench.executor.finish();
    expect(bench.batches).toEqual(['x', 'b', 'a', 'c']);
  });

  test('a request may shorten its timeout where that is allowed, never lengthen it', () => {
    const bench = busy({ config: { default_queue_policy: { ...reject, allow_timeout_override: true } } });
    bench.send('a', { timeoutMicroseconds: 2000 });
    bench.send('b', { timeoutMicroseconds: 60_000 });
    bench.clock.advance(2);
    expect(bench.settled).toEqual(['a:QUEUE_TIMEOUT']);
    bench.clock.advance(8);
    expect(bench.settled).toEqual(['a:QUEUE_TIMEOUT', 'b:QUEUE_TIMEOUT']);
  });

  test.each([{ default_queue_policy: reject }, { default_queue_policy: { allow_timeout_override: true } }])(
    'without both a default and the permission a request cannot bring its own: %o',
    (config) => {
      const bench = busy({ config });
      bench.send('a', { timeoutMicroseconds: 2000 });
      bench.clock.advance(5);
      expect(bench.settled).toEqual([]);
    },
  );
});

describe('cancellation', () => {
  test('frees the place at once', () => {
    const bench = busy({ maxQueueSize: 2 });
    const gone = new AbortController();
    bench.send('a', { signal: gone.signal });
    bench.send('b');
    gone.abort();
    expect(bench.settled).toEqual(['a:REQUEST_CANCELLED']);
    expect(bench.errors.get('a')).toMatchObject({
      status: 'CANCELLED',
      message: "model 'm': the request was cancelled while it waited",
    });
    bench.send('c');
    bench.executor.finish();
    bench.executor.finish();
    expect(bench.batches).toEqual(['x', 'b', 'c']);
  });

  test('a request whose client has already gone is refused', () => {
    const bench = busy();
    expect(() => bench.send('a', { signal: AbortSignal.abort() })).toThrow('the request was cancelled while it waited');
    expect(bench.scheduler.pending).toBe(0);
  });

  test('what an instance has is finished', () => {
    const bench = new Bench();
    const gone = new AbortController();
    bench.send('a', { signal: gone.signal });
    bench.clock.settle();
    gone.abort();
    bench.executor.finish();
    expect(bench.settled).toEqual(['a']);
  });

  test('every place in the line can be left', () => {
    for (const leaver of 'abc') {
      const bench = busy();
      const gone = new AbortController();
      for (const name of 'abc') bench.send(name, name === leaver ? { signal: gone.signal } : {});
      gone.abort();
      for (let round = 0; round < 3; round++) bench.executor.finish();
      expect(bench.batches.join('')).toBe(`xabc`.replace(leaver, ''));
    }
  });
});

test('clear fails all that wait, and leaves no timer', () => {
  const bench = busy({ config: { default_queue_policy: { default_timeout_microseconds: 1000 } } });
  bench.send('ab');
  bench.scheduler.clear(new ConchError('SERVER_STOPPING', 'stop'));
  expect(bench.settled).toEqual(['a:SERVER_STOPPING', 'b:SERVER_STOPPING']);
  expect(bench.clock.timers).toBe(0);
});

test('the default scheduler runs requests one by one, first come first served, on whichever instance is free', () => {
  const bench = new Bench({
    instances: 2,
    make: (executor, clock) =>
      new DefaultScheduler({ model: 'm', executor, clock, maxQueueSize: 2, maxQueueBytes: 1e9 }),
  });
  bench.send('ab', { rows: 4 });
  bench.send('cd', { priority: 1 });
  expect(() => bench.send('e')).toThrow("model 'm': 2 requests wait already, its queue takes 2");
  bench.executor.finish(1);
  bench.executor.finish(0);
  expect(bench.batches).toEqual(['a', 'b', 'c', 'd']);
  expect(bench.settled).toEqual(['b', 'a']);
});
