import { describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { SequenceBench } from '../testing/sequences.ts';

const oldest = (more = {}) => ({ oldest: { max_candidate_sequences: 4, ...more } });

describe('oldest', () => {
  test('takes one request at a time of every candidate, without fillers', () => {
    const bench = new SequenceBench({ sequence: oldest() });
    bench.send('(a a a (b b (c');
    expect(bench.batches()).toEqual(['a1 b1 c1']);
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1 b1 c1', 'a2 b2', 'a3']);
  });

  test('rows belong to nobody, and the batch is bounded by max_batch_size', () => {
    const bench = new SequenceBench({ maxBatchSize: 2, sequence: oldest() });
    bench.send('(a (b (c (d');
    bench.finishAll();
    bench.send('d b');
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1 b1', 'c1 d1', 'd2 b2']);
  });

  test('candidates beyond max_candidate_sequences wait; the slot of one that ends is filled when it is answered', () => {
    const bench = new SequenceBench({ sequence: oldest({ max_candidate_sequences: 2 }) });
    bench.send('(a (b)');
    bench.send('(c c');
    expect(bench.batches()).toEqual(['a1 b1']);
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1 b1', 'c1', 'c2']);
  });

  test('each instance has a batcher of its own', () => {
    const bench = new SequenceBench({ instances: 2, sequence: oldest({ max_candidate_sequences: 1 }) });
    bench.send('(a (b a b');
    bench.finishAll();
    expect([bench.batches(0), bench.batches(1)]).toEqual([
      ['a1', 'a2'],
      ['b1', 'b2'],
    ]);
  });

  test('preferred sizes and the delay work as in dynamic batching', () => {
    const config = { preferred_batch_size: [2], max_queue_delay_microseconds: 5000 };
    const bench = new SequenceBench({ sequence: oldest(config) });
    bench.send('(a');
    bench.clock.advance(3);
    expect(bench.batches()).toEqual([]);
    bench.send('(b (c');
    expect(bench.batches()).toEqual(['a1 b1']);
    bench.lane.finish();
    bench.clock.advance(5);
    expect(bench.batches()).toEqual(['a1 b1', 'c1']);
  });

  test('a request counts as queued from its own arrival on', () => {
    const bench = new SequenceBench({ sequence: oldest() });
    bench.send('(a a');
    bench.clock.advance(7);
    bench.finishAll();
    expect(bench.outcomes.get('a2')!.durations.queue).toBe(7e6);
  });

  test('a request that is cancelled in the batcher takes the rest of its sequence with it', () => {
    const bench = new SequenceBench({ sequence: oldest() });
    const client = new AbortController();
    bench.send('(z');
    bench.send('(a', { signal: client.signal });
    bench.send('a');
    client.abort();
    expect(bench.settled).toEqual(['a1:REQUEST_CANCELLED', 'a2:REQUEST_CANCELLED']);
    bench.finishAll();
    expect(bench.batches()).toEqual(['z1']);
  });

  test('an instance that dies fails what its batcher had taken, too', () => {
    const bench = new SequenceBench({ maxBatchSize: 1, sequence: oldest() });
    bench.send('(a (b a');
    expect(bench.batcher.pending).toBe(2);
    bench.lane.die(new ConchError('EXECUTION_FAILED', 'gone'));
    expect(bench.settled.toSorted()).toEqual(['a1:EXECUTION_FAILED', 'a2:EXECUTION_FAILED', 'b1:EXECUTION_FAILED']);
    expect([bench.batcher.pending, bench.batcher.holdsSequences]).toEqual([0, false]);
    bench.lane.restart();
    bench.send('(c');
    expect(bench.batches()).toEqual(['a1', 'c1']);
  });

  test('preserve_ordering holds an answer back until those before it have left', () => {
    const bench = new SequenceBench({ maxBatchSize: 1, sequence: oldest({ preserve_ordering: true }) });
    bench.send('(a (b a');
    bench.finishAll();
    expect(bench.settled).toEqual(['a1', 'b1', 'a2']);
  });
});
