import { describe, expect, test } from 'vitest';
import { Bench } from './testing/batches.ts';

describe('sizes', () => {
  test('requests that come together travel together, up to max_batch_size', () => {
    const bench = new Bench({ maxBatchSize: 4 });
    bench.send('abcdef');
    bench.clock.settle();
    expect(bench.batches).toEqual(['abcd']);
    bench.executor.finish();
    expect(bench.batches).toEqual(['abcd', 'ef']);
  });

  test('without a delay a partial batch goes as soon as an instance is free', () => {
    const bench = new Bench();
    bench.send('a');
    bench.clock.settle();
    bench.send('bc');
    bench.clock.settle();
    expect(bench.batches).toEqual(['a']);
    bench.executor.finish();
    expect(bench.batches).toEqual(['a', 'bc']);
    expect(bench.settled).toEqual(['a']);
  });

  test('an instance that runs here and now answers who is alone before enqueue returns', () => {
    const bench = new Bench({ runsNow: true });
    bench.send('abc', { atOnce: true });
    expect(bench.batches).toEqual(['a', 'b', 'c']);
    expect(bench.settled).toEqual(['a', 'b', 'c']);
  });

  test('after fifteen that were alone it looks whether others come too, and gathers while they do', () => {
    const bench = new Bench({ runsNow: true });
    bench.send('abcdefghijklmno', { atOnce: true });
    expect(bench.settled).toHaveLength(15);
    bench.send('pqr', { atOnce: true });
    expect(bench.settled).toHaveLength(15);
    bench.clock.settle();
    expect(bench.batches.slice(15)).toEqual(['pqr']);
    bench.send('st', { atOnce: true });
    expect(bench.settled).toHaveLength(18);
    bench.clock.settle();
    bench.send('u', { atOnce: true });
    bench.clock.settle();
    expect(bench.batches.slice(15)).toEqual(['pqr', 'st', 'u']);
    bench.send('v', { atOnce: true });
    expect(bench.settled).toHaveLength(22);
  });

  test('batches that run here and now leave the event loop a turn between them', () => {
    const bench = new Bench({ runsNow: true, maxBatchSize: 2 });
    bench.send('abcdefghijklmno', { atOnce: true });
    bench.send('pqrst', { atOnce: true });
    const turns: string[][] = [];
    for (let turn = 0; turn < 3; turn++) {
      bench.clock.turn();
      turns.push(bench.batches.slice(15));
    }
    expect(turns).toEqual([['pq'], ['pq', 'rs'], ['pq', 'rs', 't']]);
  });

  test('with a delay, ordering or an aborted request, or unasked, nobody goes before the queue', () => {
    const unasked = new Bench({ runsNow: true });
    unasked.send('ab');
    unasked.clock.settle();
    expect(unasked.batches).toEqual(['ab']);
    const bench = new Bench({ runsNow: true, config: { max_queue_delay_microseconds: 100 } });
    bench.send('a', { atOnce: true });
    expect(bench.batches).toEqual([]);
    const ordered = new Bench({ runsNow: true, config: { preserve_ordering: true } });
    ordered.send('a', { atOnce: true });
    expect(ordered.batches).toEqual([]);
    const gone = new Bench({ runsNow: true });
    expect(() => gone.send('a', { signal: AbortSignal.abort(), atOnce: true })).toThrow();
    expect(gone.batches).toEqual([]);
  });

  test('preferred 4 of at most 8: seven waiting requests go as 4 and 3', () => {
    const bench = new Bench({ config: { preferred_batch_size: [4] } });
    bench.send('abcdefg');
    bench.clock.settle();
    bench.executor.finish();
    expect(bench.batches).toEqual(['abcd', 'efg']);
  });

  test('the largest preferred size in reach is taken', () => {
    const bench = new Bench({ config: { preferred_batch_size: [2, 4, 6] } });
    bench.send('abcdefg');
    bench.clock.settle();
    expect(bench.batches).toEqual(['abcdef']);
  });

  test('a request above the preferred sizes goes alone', () => {
    const bench = new Bench({ config: { preferred_batch_size: [4] } });
    bench.send('a', { rows: 6 });
    bench.send('b', { rows: 2 });
    bench.clock.settle();
    bench.executor.finish();
    expect(bench.batches).toEqual(['a', 'b']);
  });

  test('a request that would exceed the preferred size waits for the next batch', () => {
    const bench = new Bench({ config: { preferred_batch_size: [4] } });
    bench.send('ab', { rows: 3 });
    bench.clock.settle();
    expect(bench.batches).toEqual(['a']);
  });

  test('rows count, not requests, and a request is never split', () => {
    const bench = new Bench({ maxBatchSize: 4 });
    bench.send('a', { rows: 3 });
    bench.send('b', { rows: 2 });
    bench.send('c');
    bench.clock.settle();
    bench.executor.finish();
    expect(bench.batches).toEqual(['a', 'bc']);
  });

  test('max_batch_size 0 makes batches of one', () => {
    const bench = new Bench({ maxBatchSize: 0 });
    bench.send('ab');
    bench.clock.settle();
    bench.executor.finish();
    expect(bench.batches).toEqual(['a', 'b']);
  });

  test('two free instances share the work', () => {
    const bench = new Bench({ instances: 2, maxBatchSize: 2 });
    bench.send('abcde');
    bench.clock.settle();
    expect(bench.batches).toEqual(['ab', 'cd']);
    bench.executor.finish(1);
    expect(bench.batches).toEqual(['ab', 'cd', 'e']);
  });
});

describe('max_queue_delay', () => {
  const config = { preferred_batch_size: [4], max_queue_delay_microseconds: 5000 };

  test('a lone request waits for company, and then goes', () => {
    const bench = new Bench({ config });
    bench.send('a');
    bench.clock.advance(4);
    expect(bench.batches).toEqual([]);
    bench.send('b');
    bench.clock.advance(0.9);
    expect(bench.batches).toEqual([]);
    bench.clock.advance(0.2);
    expect(bench.batches).toEqual(['ab']);
    expect(bench.clock.timers).toBe(0);
  });

  test('a preferred size ends the wait', () => {
    const bench = new Bench({ config });
    bench.send('abc');
    bench.clock.advance(1);
    bench.send('d');
    bench.clock.settle();
    expect(bench.batches).toEqual(['abcd']);
  });

  test('once the delay has passed all go that fit, not only a preferred number', () => {
    const bench = new Bench({ config });
    bench.send('z');
    bench.clock.advance(5);
    bench.send('abcdefg');
    bench.clock.advance(6);
    bench.executor.finish();
    expect(bench.batches).toEqual(['z', 'abcdefg']);
  });

  test('a request that does not fit with the others ends the wait', () => {
    const bench = new Bench({ config });
    bench.send('ab', { likeness: 'x8' });
    bench.send('c', { likeness: 'x9' });
    bench.clock.settle();
    expect(bench.batches).toEqual(['ab']);
    bench.executor.finish();
    expect(bench.batches).toEqual(['ab']);
    bench.clock.advance(5);
    expect(bench.batches).toEqual(['ab', 'c']);
  });

  test('a delay near 2^64 neither fires nor spins', () => {
    const bench = new Bench({ config: { preferred_batch_size: [4], max_queue_delay_microseconds: 2n ** 64n - 1n } });
    bench.send('a');
    bench.clock.advance(1e9);
    expect(bench.batches).toEqual([]);
    expect(bench.clock.timers).toBe(1);
  });

  test('when the one that was waited for leaves, the wait is that of the next', () => {
    const bench = new Bench({ config });
    const gone = new AbortController();
    bench.send('a', { signal: gone.signal });
    bench.clock.advance(4);
    bench.send('b');
    gone.abort();
    bench.clock.advance(4);
    expect(bench.batches).toEqual([]);
    bench.clock.advance(1);
    expect(bench.batches).toEqual(['b']);
  });
});

describe('shapes', () => {
  test('requests of different shapes do not share a batch', () => {
    const bench = new Bench();
    bench.send('ab', { likeness: 'ids8' });
    bench.send('c', { likeness: 'ids9' });
    bench.send('d', { likeness: 'ids8' });
    bench.clock.settle();
    bench.executor.finish();
    bench.executor.finish();
    expect(bench.batches).toEqual(['ab', 'c', 'd']);
  });

  test('unless the backend runs them one by one anyway', () => {
    const bench = new Bench({ mixShapes: true });
    bench.send('a', { likeness: 'ids8' });
    bench.send('b', { likeness: 'ids9' });
    bench.clock.settle();
    expect(bench.batches).toEqual(['ab']);
  });
});

describe('preserve_ordering', () => {
  const config = { preserve_ordering: true };

  test('a slow first request holds back those after it', () => {
    const bench = new Bench({ instances: 3, maxBatchSize: 1, config });
    bench.send('abc');
    bench.clock.settle();
    bench.executor.finish(2);
    bench.executor.finish(1);
    expect(bench.settled).toEqual([]);
    bench.executor.finish(0);
    expect(bench.settled).toEqual(['a', 'b', 'c']);
  });

  test('a cancelled request does not stall the line', () => {
    const bench = new Bench({ maxBatchSize: 1, config });
    const gone = new AbortController();
    bench.send('a');
    bench.send('b', { signal: gone.signal });
    bench.send('c');
    bench.clock.settle();
    gone.abort();
    bench.executor.finish();
    bench.executor.finish();
    expect(bench.settled).toEqual(['a', 'b:REQUEST_CANCELLED', 'c']);
  });

  test('a refused request takes no turn', () => {
    const bench = new Bench({ maxBatchSize: 1, maxQueueSize: 1, config });
    bench.send('a');
    bench.clock.settle();
    bench.send('b');
    expect(() => bench.send('c')).toThrow("model 'm': 1 requests wait already, its queue takes 1");
    bench.executor.finish();
    bench.executor.finish();
    bench.send('d');
    bench.clock.settle();
    bench.executor.finish();
    expect(bench.settled).toEqual(['a', 'b', 'd']);
  });

  test('goes on past a thousand requests', () => {
    const bench = new Bench({ instances: 2, maxBatchSize: 1, config, maxQueueSize: 5000 });
    for (let round = 0; round < 1500; round++) {
      bench.send('ab');
      bench.clock.settle();
      bench.executor.finish(1);
      bench.executor.finish(0);
    }
    expect(bench.settled.join('')).toBe('ab'.repeat(1500));
  });
});

describe('priorities', () => {
  const config = { priority_levels: 3, default_priority_level: 2 };

  test('level 1 is served first; none or an unknown one is the default level', () => {
    const bench = new Bench({ maxBatchSize: 1, config });
    bench.send('x');
    bench.clock.settle();
    bench.send('a', { priority: 3 });
    bench.send('b', { priority: 0 });
    bench.send('c', { priority: 1 });
    bench.send('d', { priority: 9 });
    for (let round = 0; round < 5; round++) bench.executor.finish();
    expect(bench.batches).toEqual(['x', 'c', 'b', 'd', 'a']);
  });

  test('any number of levels may be declared', () => {
    const bench = new Bench({ maxBatchSize: 1, config: { priority_levels: 2n ** 63n, default_priority_level: 5 } });
    bench.send('x');
    bench.clock.settle();
    for (const [name, priority] of Object.entries({ a: 1e9, b: 0, c: 7, d: 4, e: 1.5 })) bench.send(name, { priority });
    for (let round = 0; round < 5; round++) bench.executor.finish();
    expect(bench.batches.join('')).toBe('xdbeca');
  });

  test('a batch may hold several levels', () => {
    const bench = new Bench({ config });
    bench.send('a', { priority: 3 });
    bench.send('b', { priority: 1 });
    bench.clock.settle();
    expect(bench.batches).toEqual(['ba']);
  });

  test('each level has its own policy, or the default one', () => {
    const bench = new Bench({
      maxBatchSize: 1,
      config: {
        ...config,
        default_queue_policy: { max_queue_size: 2 },
        priority_queue_policy: { 1: { max_queue_size: 1 } },
      },
    });
    bench.send('x');
    bench.clock.settle();
    bench.send('a', { priority: 1 });
    expect(() => bench.send('b', { priority: 1 })).toThrow('1 requests wait already, its queue takes 1');
    bench.send('cd', { priority: 3 });
    expect(() => bench.send('e', { priority: 3 })).toThrow('2 requests wait already, its queue takes 2');
  });
});
