import { describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { SequenceBench } from '../testing/sequences.ts';

describe('slots', () => {
  test('row i of every batch is slot i, with fillers below the highest slot that has a request', () => {
    const bench = new SequenceBench();
    bench.send('(a (b (c');
    bench.lane.finish();
    bench.send('c');
    bench.lane.finish();
    bench.send('b');
    expect(bench.batches()).toEqual(['a1 b1 c1', '- - c2', '- b2']);
    expect(bench.settled).toEqual(['a1', 'b1', 'c1', 'c2']);
  });

  test('one execution at a time, and one request of a sequence in each', () => {
    const bench = new SequenceBench();
    bench.send('(a a a');
    bench.send('(b');
    expect(bench.batches()).toEqual(['a1']);
    bench.lane.finish();
    expect(bench.batches()).toEqual(['a1', 'a2 b1']);
    bench.lane.finish();
    expect(bench.batches()).toEqual(['a1', 'a2 b1', 'a3']);
  });

  test('sequences spread over the instances, low slots first', () => {
    const bench = new SequenceBench({ instances: 2 });
    bench.send('(a (b (c (d');
    expect([bench.batches(0), bench.batches(1)]).toEqual([['a1 c1'], ['b1 d1']]);
  });

  test('a model without a batch dimension has one slot for each instance', () => {
    const bench = new SequenceBench({ maxBatchSize: 0, instances: 2 });
    bench.send('(a (b (c', { batchSize: 0 });
    expect([bench.batches(0), bench.batches(1)]).toEqual([['a1'], ['b1']]);
    bench.finishAll();
    expect(bench.batcher.pending).toBe(1);
    bench.send('a)', { batchSize: 0 });
    bench.finishAll();
    expect(bench.batches(0)).toEqual(['a1', 'a2', 'c1']);
  });

  test('END frees the slot at once, and the sequence that has waited longest moves in with all it has', () => {
    const bench = new SequenceBench({ maxBatchSize: 1 });
    bench.send('(a');
    bench.send('(b b b)');
    bench.send('(c');
    bench.send('a)');
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1', 'a2', 'b1', 'b2', 'b3', 'c1']);
  });

  test('a request of another shape than the first slot waits, and its row is filled', () => {
    const bench = new SequenceBench();
    bench.send('(a (b (c');
    bench.lane.finish();
    bench.lane.running = [];
    bench.send('a c', { likeness: 'x3' });
    bench.send('b', { likeness: 'x4' });
    bench.lane.finish();
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1 b1 c1', 'a2 - c2', '- b2']);
  });
});

describe('delay', () => {
  const direct = { max_queue_delay_microseconds: 5000, minimum_slot_utilization: 0.5 };

  test('a batch waits until enough slots are ready', () => {
    const bench = new SequenceBench({ sequence: { direct } });
    bench.send('(a');
    bench.clock.advance(4);
    expect(bench.batches()).toEqual([]);
    bench.send('(b');
    expect(bench.batches()).toEqual(['a1 b1']);
    expect(bench.clock.timers).toBe(2);
  });

  test('or until the oldest has waited that long', () => {
    const bench = new SequenceBench({ sequence: { direct } });
    bench.send('(a');
    bench.clock.advance(5);
    expect(bench.batches()).toEqual(['a1']);
  });

  test.each([
    ['no utilisation', { max_queue_delay_microseconds: 5000 }],
    ['no delay', { minimum_slot_utilization: 0.5 }],
  ])('%s: it does not wait', (_, config) => {
    const bench = new SequenceBench({ sequence: { direct: config } });
    bench.send('(a');
    expect(bench.batches()).toEqual(['a1']);
  });
});

test('a failed execution fails its requests and leaves the sequences', () => {
  const bench = new SequenceBench();
  bench.send('(a (b');
  bench.lane.finish(() => new ConchError('EXECUTION_FAILED', 'no memory'));
  bench.send('a');
  bench.finishAll();
  expect(bench.settled).toEqual(['a1:EXECUTION_FAILED', 'b1:EXECUTION_FAILED', 'a2']);
});
