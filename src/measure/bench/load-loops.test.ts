import { describe, expect, test } from 'vitest';
import { arrivalTimes } from './arrivals.ts';
import { FakeLoadClock, FakeServer } from './fake-load.ts';
import { shareOf } from './load.ts';
import { closedLoop, openLoop } from './load-loops.ts';
import { Samples } from './samples.ts';
import { summarise } from './summary.ts';

const loop = (clock: FakeLoadClock, sender: FakeServer, more: object = {}) => {
  const samples = new Samples();
  return {
    samples,
    options: { sender, clock, record: samples.add.bind(samples), first: 0, stride: 1, rampMs: 0, ...more },
  };
};
const open = (rate: number, more: object = {}) => ({
  ...({ kind: 'open', rate, arrivals: 'constant', seed: 1, maxInFlight: 1000 } as const),
  ...more,
});

describe('a closed loop', () => {
  test('keeps as many requests under way as it has clients, and goes through the set in order', () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 10);
    const { options, samples } = loop(clock, server);
    closedLoop({ kind: 'closed', concurrency: 2 }, options);
    clock.turnTo(1000);
    expect(server.sent.map(({ index }) => index).slice(0, 4)).toEqual([0, 1, 2, 3]);
    // One at a time at 10 ms each: 100 answers, each after waiting for the one before.
    expect(samples.count).toBe(100);
    const { throughput, latency } = summarise(samples, 100, 1000, 1);
    expect(throughput.value).toBeCloseTo(100, 0);
    expect(latency!.p50.value).toBe(20);
  });

  test('clients come one after the other over the ramp', () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 10_000);
    closedLoop({ kind: 'closed', concurrency: 4 }, loop(clock, server, { rampMs: 100 }).options);
    clock.turnTo(1000);
    expect(server.sent.map(({ at }) => at)).toEqual([0, 25, 50, 75]);
  });

  test('waits a little after a failure instead of asking thousands of times a second', () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 0, { fails: () => true });
    const { options, samples } = loop(clock, server);
    closedLoop({ kind: 'closed', concurrency: 1 }, options);
    clock.turnTo(1000);
    expect(samples.count).toBeLessThan(60);
    expect(summarise(samples, 0, 1001, 1).failures).toEqual([{ code: 'UNAVAILABLE', count: samples.count }]);
  });

  test('stopping sends nothing more and waits for what is under way', async () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 10);
    const { options, samples } = loop(clock, server);
    const running = closedLoop({ kind: 'closed', concurrency: 3 }, options);
    clock.turnTo(15);
    const stopped = running.stop();
    clock.turnTo(500);
    await stopped;
    expect(samples.count).toBe(server.sent.length);
  });
});

describe('an open loop', () => {
  test('sends at the set times whatever the answers', () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 50);
    openLoop(open(100), loop(clock, server).options);
    clock.turnTo(100);
    expect(server.sent.map(({ at }) => at)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  test('counts a stall for every request that was meant to leave in it (no coordinated omission)', () => {
    const clock = new FakeLoadClock();
    const stall = [1000, 2000] as const;
    const { options, samples } = loop(clock, new FakeServer(clock, 1, { stall }));
    openLoop(open(100), options);
    clock.turnTo(10_000);
    const opened = summarise(samples, 0, 5000, 1).latency!;
    // A closed loop of one client sees the stall once in a thousand requests, the open one in a fifth of them.
    const other = new FakeLoadClock();
    const closed = loop(other, new FakeServer(other, 1, { stall }));
    closedLoop({ kind: 'closed', concurrency: 1 }, closed.options);
    other.turnTo(10_000);
    expect(opened.p90.value).toBeGreaterThan(400);
    expect(summarise(closed.samples, 0, 5000, 1).latency!.p90.value).toBe(1);
  });

  test('what left late counts from its intended time, and the lateness is told', () => {
    const samples = new Samples();
    for (let index = 0; index < 100; index++) samples.add(index, index + 5, index + 7, undefined);
    const { latency, lateness } = summarise(samples, 0, 100, 1);
    expect(latency!.p50.value).toBe(7);
    expect(lateness).toEqual({ p50: 5, p99: 5, max: 5 });
  });

  test('beyond the most in flight requests are counted, not sent', () => {
    const clock = new FakeLoadClock();
    const server = new FakeServer(clock, 100_000);
    const { options, samples } = loop(clock, server);
    openLoop(open(100, { maxInFlight: 3 }), options);
    clock.turnTo(1000);
    expect(server.sent).toHaveLength(3);
    expect(summarise(samples, 0, 2000, 1).failures).toEqual([{ code: 'NOT_SENT', count: 97 }]);
  });

  test('stopping waits for what is under way', async () => {
    const clock = new FakeLoadClock();
    const { options, samples } = loop(clock, new FakeServer(clock, 30));
    const running = openLoop(open(100), options);
    clock.turnTo(100);
    const stopped = running.stop();
    clock.turnTo(2000);
    await stopped;
    expect(samples.count).toBe(10);
  });
});

describe('arrivals', () => {
  const until = (limit: number, options: Parameters<typeof arrivalTimes>[0]) => {
    const times: number[] = [];
    for (const time of arrivalTimes(options)) {
      if (time > limit) return times;
      times.push(time);
    }
    return times;
  };

  test('of a Poisson process vary as such a process does, and are the same for the same seed', () => {
    const options = { rate: 1000, arrivals: 'poisson', rampMs: 0, seed: 3 } as const;
    const times = until(20_000, options);
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(times.length / 20).toBeCloseTo(1000, -2);
    expect(deviation / mean).toBeCloseTo(1, 1);
    expect(until(100, options)).toEqual(times.filter((time) => time <= 100));
    expect(until(100, { ...options, seed: 4 })).not.toEqual(times.filter((time) => time <= 100));
  });

  test('a ramp has half of the full rate in the mean, then the full one', () => {
    const times = until(2000, { rate: 100, arrivals: 'constant', rampMs: 1000, seed: 1 });
    expect(times.filter((time) => time <= 1000)).toHaveLength(50);
    expect(times.filter((time) => time > 1000)).toHaveLength(100);
  });
});

test('threads share a load out without rest', () => {
  const shares = [0, 1, 2].map((index) => shareOf({ kind: 'closed', concurrency: 8 }, index, 3));
  expect(shares.map((share) => share?.kind === 'closed' && share.concurrency)).toEqual([3, 3, 2]);
  expect(shareOf({ kind: 'closed', concurrency: 1 }, 1, 2)).toBeUndefined();
  expect(shareOf(open(90), 0, 3)).toMatchObject({ rate: 30 });
});
