import { describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { ModelSequenceBatching_ControlInput } from '../../config/index.ts';
import { HandLane, inputsOf, SequenceBench } from '../testing/sequences.ts';

const thrown = (action: () => void): ConchError => {
  try {
    action();
  } catch (error) {
    return error as ConchError;
  }
  throw new Error('nothing was thrown');
};
const slots = (instances: number) => ({ maxBatchSize: 1, instances });

describe('admission', () => {
  test.each([
    ['no sequence', { context: {} }, /must have a sequence_id, which is neither 0 nor empty/],
    ['0', { id: 0 }, /neither 0 nor empty/],
    ['empty text', { id: '' }, /neither 0 nor empty/],
    ['two rows', { rows: 2, batchSize: 2 }, /must have batch size 1, it has 2/],
  ])('%s is refused', (_, options, message) => {
    const bench = new SequenceBench();
    const error = thrown(() => bench.send('(a', options));
    expect(error).toMatchObject({ code: 'REQUEST_INVALID', status: 'INVALID_ARG' });
    expect(error.message).toMatch(message);
    expect(bench.batcher.holdsSequences).toBe(false);
  });

  test('an unknown sequence must start', () => {
    const bench = new SequenceBench();
    const error = thrown(() => bench.send('a', { id: 7 }));
    expect(error).toMatchObject({ code: 'REQUEST_INVALID', where: { path: 'sequence_id' } });
    expect(error.message).toMatch(/^model 'm' has no sequence '7': its first request must have sequence_start/);
    expect(error.fix).toBe('send sequence_start with the first request of a sequence');
  });

  test('the number 7 and the text "7" are two sequences, and numbers of any kind are one', () => {
    const bench = new SequenceBench();
    bench.send('(a', { id: 7 });
    bench.send('(b', { id: '7' });
    bench.send('a', { id: 7n });
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1', 'a2 b1']);
  });

  test('after END the id is unknown, even while its requests still wait', () => {
    const bench = new SequenceBench();
    bench.send('(a a)');
    expect(thrown(() => bench.send('a')).message).toContain('has no sequence');
    bench.send('(a');
    bench.finishAll();
    expect(bench.settled).toEqual(['a1', 'a2', 'a3']);
  });

  test('START under an id that is active goes on in the same slot, behind what waits there', () => {
    const bench = new SequenceBench(slots(2));
    bench.send('(a a (a a)');
    bench.finishAll();
    expect(bench.batches(0)).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(bench.batches(1)).toEqual([]);
  });

  test('growable memory is refused when the state would be made', () => {
    const state = [{ input_name: 'h', output_name: 'h2', use_growable_memory: true }];
    const bench = new SequenceBench({ sequence: { state } });
    expect(thrown(() => bench.send('(a')).message).toBe(
      "model 'm': state 'h' has use_growable_memory, which only GPU instances have",
    );
  });

  test('the waiting requests of all sequences together are bounded', () => {
    const bench = new SequenceBench({ ...slots(1), maxQueueSize: 2 });
    bench.send('(a');
    bench.send('a (b');
    expect(thrown(() => bench.send('(c')).message).toBe("model 'm': 2 requests wait already, its queue takes 2");
    expect(thrown(() => bench.send('a'))).toMatchObject({ code: 'QUEUE_FULL', status: 'UNAVAILABLE' });
    const narrow = new SequenceBench({ ...slots(1), maxQueueBytes: 10 });
    narrow.send('(a', { bytes: 6 });
    narrow.send('a', { bytes: 6 });
    expect(thrown(() => narrow.send('a', { bytes: 6 })).message).toMatch(/take 6 bytes already, 6 more exceed/);
  });
});

describe('idle', () => {
  const sequence = { max_sequence_idle_microseconds: 2000 };

  test('a sequence that pauses too long is over, and its slot free, without a run', () => {
    const bench = new SequenceBench({ ...slots(1), sequence });
    bench.send('(a');
    bench.send('(b');
    bench.lane.finish();
    bench.clock.advance(1.9);
    expect(bench.batches()).toEqual(['a1']);
    bench.clock.advance(0.2);
    expect(bench.batches()).toEqual(['a1', 'b1']);
    expect(thrown(() => bench.send('a')).message).toContain('has paused for 2 ms');
  });

  test('it counts from the arrival of the last request', () => {
    const bench = new SequenceBench({ ...slots(1), sequence });
    bench.send('(a');
    bench.finishAll();
    for (let i = 0; i < 5; i++) {
      bench.clock.advance(1.5);
      bench.send('a');
      bench.finishAll();
    }
    expect(bench.settled).toHaveLength(6);
    bench.clock.advance(2);
    expect(bench.batcher.holdsSequences).toBe(false);
    expect(bench.clock.timers).toBe(0);
  });

  test('what it has queued is run first', () => {
    const bench = new SequenceBench({ ...slots(1), sequence });
    bench.send('(a a');
    bench.send('(b');
    bench.clock.advance(3);
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1', 'a2', 'b1']);
  });
});

describe('backlog', () => {
  test('the timeout of any request ends a sequence that waits for a slot, whole', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a');
    bench.send('(b', { timeoutMicroseconds: 9000 });
    bench.send('b', { timeoutMicroseconds: 3000 });
    bench.send('b', { timeoutMicroseconds: 5000 });
    bench.clock.advance(3);
    expect(bench.settled).toEqual(['b1:QUEUE_TIMEOUT', 'b2:QUEUE_TIMEOUT', 'b3:QUEUE_TIMEOUT']);
    expect(bench.errors.get('b1')).toMatchObject({ status: 'UNAVAILABLE' });
    expect(thrown(() => bench.send('b')).message).toContain('has no sequence');
  });

  test('a sequence that has its slot is not bound by timeouts', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a a', { timeoutMicroseconds: 1000 });
    bench.send('(b', { timeoutMicroseconds: 5000 });
    bench.send('a)');
    bench.clock.advance(3);
    bench.finishAll();
    bench.clock.advance(10);
    expect(bench.settled).toEqual(['a1', 'a2', 'a3', 'b1']);
  });

  test('a sequence that waits does not idle out', () => {
    const bench = new SequenceBench({ ...slots(1), sequence: { max_sequence_idle_microseconds: 2000 } });
    bench.send('(a');
    bench.send('(b');
    for (let i = 0; i < 4; i++) {
      bench.clock.advance(1.5);
      bench.send('a');
    }
    bench.send('b a)');
    bench.finishAll();
    expect(bench.settled.slice(-2)).toEqual(['b1', 'b2']);
  });
});

describe('cancellation', () => {
  test('of one queued request cancels the whole sequence and frees its slot', () => {
    const bench = new SequenceBench(slots(1));
    const client = new AbortController();
    bench.send('(a a');
    bench.send('a', { signal: client.signal });
    bench.send('(b');
    client.abort();
    expect(bench.settled).toEqual(['a2:REQUEST_CANCELLED', 'a3:REQUEST_CANCELLED']);
    expect(bench.errors.get('a2')).toMatchObject({ status: 'CANCELLED' });
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1', 'b1']);
    expect(thrown(() => bench.send('a')).message).toContain('was cancelled');
  });

  test('of a sequence in the backlog, and of a request that comes too late', () => {
    const bench = new SequenceBench(slots(1));
    const client = new AbortController();
    bench.send('(a');
    bench.send('(b b)', { signal: client.signal });
    client.abort();
    expect(bench.settled).toEqual(['b1:REQUEST_CANCELLED', 'b2:REQUEST_CANCELLED']);
    expect(thrown(() => bench.send('a', { signal: client.signal }))).toMatchObject({ code: 'REQUEST_CANCELLED' });
    expect(bench.batcher.pending).toBe(0);
  });

  test('what runs is finished', () => {
    const bench = new SequenceBench();
    const client = new AbortController();
    bench.send('(a', { signal: client.signal });
    client.abort();
    bench.send('a');
    bench.finishAll();
    expect(bench.settled).toEqual(['a1', 'a2']);
  });
});

describe('an instance that dies', () => {
  const died = new ConchError('EXECUTION_FAILED', 'out of memory');

  test('takes its sequences with it, and the others go on', () => {
    const bench = new SequenceBench({ instances: 2 });
    bench.send('(a (b a b');
    bench.lane.die(died);
    expect(bench.settled).toEqual(['a2:EXECUTION_FAILED', 'a1:EXECUTION_FAILED']);
    expect(bench.errors.get('a2')).toMatchObject({
      message: "model 'm': the instance that held the sequence died: out of memory",
      fix: 'start the sequence again',
    });
    expect(thrown(() => bench.send('a')).message).toContain('lost its instance');
    bench.finishAll();
    expect(bench.batches(1)).toEqual(['b1', 'b2']);
    bench.send('(a');
    expect(bench.batches(1)).toEqual(['b1', 'b2', '- a3']);
  });

  test('sequences wait for the new one', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a');
    bench.lane.die(died);
    bench.send('(b b)');
    expect(bench.batches()).toEqual(['a1']);
    bench.lane.restart();
    bench.clock.settle();
    bench.finishAll();
    expect(bench.batches()).toEqual(['a1', 'b1', 'b2']);
  });
});

describe('another number of instances', () => {
  test('one that is to go stays until its sequences are over, and takes no new ones', () => {
    const bench = new SequenceBench(slots(2));
    bench.send('(a (b (c');
    bench.finishAll();
    const [stays, goes] = bench.lanes;
    goes!.leaving = true;
    bench.batcher.setLanes([stays!]);
    bench.send('b b)');
    expect(goes!.gone).toBe(false);
    bench.finishAll();
    expect([goes!.gone, bench.batches(1)]).toEqual([true, ['b1', 'b2', 'b3']]);
    expect(bench.batches(0)).toEqual(['a1']);
    bench.send('a)');
    bench.finishAll();
    expect(bench.batches(0)).toEqual(['a1', 'a2', 'c1']);
  });

  test('one that is to go and only idles goes when its sequence has paused too long', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a');
    bench.finishAll();
    bench.lane.leaving = true;
    bench.batcher.setLanes([]);
    expect(bench.lane.gone).toBe(false);
    bench.clock.advance(1000);
    expect(bench.lane.gone).toBe(true);
  });

  test('a new one takes on what waits', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a (b');
    const added = new HandLane();
    bench.lanes.push(added);
    bench.batcher.setLanes(bench.lanes);
    bench.clock.settle();
    expect([bench.batches(0), bench.batches(1)]).toEqual([['a1'], ['b1']]);
  });
});

describe('the end', () => {
  test('only new sequences are refused, and it is over when the last has ended', async () => {
    const bench = new SequenceBench({ ...slots(1), sequence: { max_sequence_idle_microseconds: 2000 } });
    bench.send('(a');
    bench.send('(b');
    let over = false;
    const finished = bench.batcher.finish().then(() => (over = true));
    expect(thrown(() => bench.send('(c'))).toMatchObject({ code: 'SERVER_STOPPING', status: 'UNAVAILABLE' });
    bench.send('a)');
    bench.finishAll();
    expect(bench.batcher.continues({ id: 98, start: false, end: false })).toBe(true);
    expect(bench.batcher.continues({ id: 97, start: false, end: false })).toBe(false);
    await Promise.resolve();
    expect(over).toBe(false);
    bench.clock.advance(3);
    await finished;
    expect(bench.settled).toEqual(['a1', 'a2', 'b1']);
  });

  test('clear fails all that waits and leaves no timers', () => {
    const bench = new SequenceBench(slots(1));
    bench.send('(a a');
    bench.send('(b', { timeoutMicroseconds: 5000 });
    bench.batcher.clear(new ConchError('SERVER_STOPPING', 'stopped'));
    expect(bench.settled).toEqual(['b1:SERVER_STOPPING', 'a2:SERVER_STOPPING']);
    expect([bench.clock.timers, bench.batcher.pending]).toEqual([0, 0]);
  });
});

describe('iterative sequences', () => {
  const control_input: ModelSequenceBatching_ControlInput[] = [
    { name: 'start', control: [{ kind: 'CONTROL_SEQUENCE_START', int32_false_true: [0, 1] }] },
    { name: 'id', control: [{ kind: 'CONTROL_SEQUENCE_CORRID', data_type: 'TYPE_UINT64' }] },
  ];
  const sequence = { iterative_sequence: true, control_input };
  const alone = { context: { id: 'x' } };

  test('a request without id gets one and START; the model asks for it until it is done, and its slot is free', () => {
    const bench = new SequenceBench({ ...slots(1), sequence });
    bench.send('(a', alone);
    bench.send('(b', alone);
    const seen = [inputsOf(bench.lane)];
    for (let round = 0; round < 2; round++) {
      bench.lane.finish(() => 'again');
      bench.clock.settle();
      seen.push(inputsOf(bench.lane));
    }
    bench.lane.finish();
    bench.clock.settle();
    seen.push(inputsOf(bench.lane));
    expect(seen).toEqual([
      { start: [1], id: [1n] },
      { start: [0], id: [1n] },
      { start: [0], id: [1n] },
      { start: [1], id: [2n] },
    ]);
    bench.finishAll();
    expect(bench.settled).toEqual(['a1', 'b1']);
    expect([bench.clock.timers, bench.batcher.holdsSequences]).toEqual([0, false]);
  });

  test('a client that has gone is not asked again', () => {
    const bench = new SequenceBench({ ...slots(1), sequence });
    const client = new AbortController();
    bench.send('(a', { ...alone, signal: client.signal });
    client.abort();
    bench.lane.finish(() => 'again');
    expect(bench.settled).toEqual(['a1:REQUEST_CANCELLED']);
    expect(bench.batcher.holdsSequences).toBe(false);
  });
});
