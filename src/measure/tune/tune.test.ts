import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ModelConfig, parseConfig } from '../../config/index.ts';
import { deploymentEdits } from './deployment-edits.ts';
import { paretoRows, reasonRows, verdict } from './format.ts';
import { makeSpace } from './make-space.ts';
import { bestLoad, type Measurement, outcomeOf } from './measurement.ts';
import { MemoryGuard } from './memory-guard.ts';
import { paretoFront } from './pareto.ts';
import type { Point } from './space.ts';
import { configFor } from './tunable-servers.ts';
import { type TuneOptions, tune } from './tune.ts';

const folder = mkdtempSync(join(tmpdir(), 'conch-tune-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = `# Ours.
backend: "onnxruntime"
max_batch_size: 32 # as measured in May
input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
instance_group { count: 1 kind: KIND_CPU }
dynamic_batching { }
`;
const config: ModelConfig = parseConfig(text).config;
const space = makeSpace({ models: [{ name: 'm', config }], cores: 2 });
const load = { kind: 'closed', concurrency: 16 } as const;
const value = (point: Point, setting: 'instances' | 'max_batch_size') => Number(space.valueOf(point, setting, 'm'));

/** Two instances are best, larger batches better; each instance takes 100 MB, and the queue's delay is for nothing. */
function measured(point: Point): Measurement {
  const instances = value(point, 'instances');
  const throughput = [0, 100, 180, 0, 120][instances]! * value(point, 'max_batch_size') ** 0.3;
  const loads = [{ load, throughput, p50: 8000 / throughput, p99: 16_000 / throughput }];
  return { id: point.join(), loads, pssBytes: instances * 1e8, seconds: 1 };
}

const server = () => {
  const state = { closed: 0 };
  return { state, apply: async () => ({ url: '', pid: undefined }), close: async () => void state.closed++ };
};
const options = (more: Partial<TuneOptions> = {}): TuneOptions => ({
  ...{ model: 'm', space, server: server(), goal: { objective: 'throughput' }, measurements: 30 },
  bench: { model: 'm', loads: [load] },
  measure: async (point) => measured(point),
  ...more,
});

describe('tuning', () => {
  test('finds the best settings, says why, and leaves settings that are worth nothing alone', async () => {
    const report = await tune(options());
    expect(report.winner!.settings).toBe('instances 2, max_batch_size 128');
    expect(report.gain).toBeCloseTo(1.8 * 4 ** 0.3, 2);
    expect(report.measurements).toBeLessThanOrEqual(30);
    expect(report.reasons.map(({ setting, from, to }) => [setting, from, to])).toEqual([
      ['instances', 1, 2],
      ['max_batch_size', 32, 128],
    ]);
    for (const { reason } of report.reasons) expect(reason).toMatch(/^1\.\d\d times the throughput of \d+ \(.+\)$/);
    expect(verdict(report)[0]).toBe(
      'instances 2, max_batch_size 128: 2.73 times the throughput of the present settings',
    );
    expect(paretoRows(report).flat()).toContain('chosen');
    expect(reasonRows(report)!.length).toBe(3);
  });

  test('keeps the bounds, and names nothing where none can be kept', async () => {
    const bounded = await tune(options({ goal: { objective: 'throughput', memoryBytes: 1.5e8 } }));
    expect(bounded.winner!.settings).toBe('instances 1, max_batch_size 128');
    const none = await tune(options({ goal: { objective: 'throughput', p99: 0.001 } }));
    expect(none.winner).toBeUndefined();
    expect(verdict(none)[0]).toContain('no configuration that was measured keeps the bounds');
  });

  test('latency is made small under a least throughput', async () => {
    const report = await tune(options({ goal: { objective: 'latency', minThroughput: 1 } }));
    expect(report.winner!.settings).toBe('instances 2, max_batch_size 128');
    expect(report.reasons[0]!.reason).toMatch(/^0\.\d\d times the p99 of 1/);
  });

  test('a measurement that others disturbed is made once more, and the reader is told', async () => {
    let count = 0;
    const measure = async (point: Point) => {
      count += 1;
      return { ...measured(point), others: count % 2 === 1 ? 0.5 : 0.3 };
    };
    const report = await tune(options({ measure, measurements: 5 }));
    expect(count).toBe(10);
    expect(report.notes).toEqual([
      expect.stringMatching(/^in 5 of 5 measurements other processes took more than 25 %/),
    ]);
  });

  test('closes the server, also when a measurement throws', async () => {
    const one = server();
    await tune(options({ server: one }));
    expect(one.state.closed).toBe(1);
    const other = server();
    const broken = options({ server: other, measure: () => Promise.reject(new Error('broken')) });
    await expect(tune(broken)).rejects.toThrow('broken');
    expect(other.state.closed).toBe(1);
  });

  test('ends when its time is up, with what it has', async () => {
    let minutes = 0;
    const report = await tune(options({ budgetMs: 5 * 60_000, now: () => 60_000 * minutes++ }));
    expect(report.stoppedBy).toBe('budget');
    expect(report.measurements).toBeLessThan(8);
    expect(report.trials.length).toBe(report.measurements);
  });

  test('what ran out of memory is not tried with more of it', async () => {
    const tried: number[] = [];
    const report = await tune(
      options({
        measure: async (point) => {
          const instances = value(point, 'instances');
          tried.push(instances);
          if (instances < 2) return measured(point);
          return { id: point.join(), loads: [], failed: 'stopped before memory ran out: 1 MB left', seconds: 1 };
        },
      }),
    );
    expect(report.winner!.settings).toContain('instances 1');
    const failed = report.trials.filter(({ failed }) => failed?.startsWith('stopped')).map(({ point }) => point);
    const skipped = report.trials.filter(({ failed }) => failed?.startsWith('not tried')).map(({ point }) => point);
    for (const point of skipped) {
      expect(failed.some((less) => less[0]! <= point[0]! && less.at(-1)! <= point.at(-1)!)).toBe(true);
    }
    expect(tried.filter((instances) => instances > 1)).toHaveLength(failed.length);
  });
});

describe('the journal', () => {
  test.skipIf(process.platform !== 'linux')('that cannot be written ends the search with its name', async () => {
    await expect(tune(options({ journal: '/proc/nowhere/a.jsonl' }))).rejects.toMatchObject({
      code: 'FILE_NOT_WRITTEN',
      message: expect.stringContaining('/proc/nowhere/a.jsonl'),
    });
  });

  test('a search that was broken off goes on without measuring again', async () => {
    const journal = join(folder, 'a.jsonl');
    const stop = new AbortController();
    let count = 0;
    const until = (limit: number) => async (point: Point) => {
      if (++count > limit) stop.abort(new Error('Ctrl-C'));
      stop.signal.throwIfAborted();
      return measured(point);
    };
    await expect(tune(options({ journal, measure: until(6), signal: stop.signal }))).rejects.toThrow('Ctrl-C');
    expect(readFileSync(journal, 'utf8').trim().split(/\n+/)).toHaveLength(6);
    // Cut off in the middle of a line, as when the machine went down.
    writeFileSync(journal, `${readFileSync(journal, 'utf8')}{"key":"sha`);
    let again = 0;
    const report = await tune(
      options({
        journal,
        measure: async (point) => {
          again += 1;
          return measured(point);
        },
      }),
    );
    expect(report.fromJournal).toBe(6);
    expect(again).toBe(report.measurements - 6);
    expect(report.winner!.settings).toBe((await tune(options())).winner!.settings);
  });

  test('is of no use to another model, load or content', async () => {
    const journal = join(folder, 'b.jsonl');
    await tune(options({ journal }));
    expect((await tune(options({ journal }))).fromJournal).toBeGreaterThan(5);
    expect((await tune(options({ journal, subject: 'another file' }))).fromJournal).toBe(0);
    const other = { model: 'm', loads: [{ kind: 'closed', concurrency: 1 } as const] };
    expect((await tune(options({ journal, bench: other }))).fromJournal).toBe(0);
  });

  test('a file of something else is refused, not written into', async () => {
    const journal = join(folder, 'c.jsonl');
    writeFileSync(journal, 'my notes\nof today\nand more\n');
    await expect(tune(options({ journal }))).rejects.toMatchObject({ code: 'FILE_INVALID', where: { line: 1 } });
  });
});

test('a measurement under several loads counts by the one at which it does best', () => {
  const at = (concurrency: number, throughput: number, p99: number) => ({
    load: { kind: 'closed' as const, concurrency },
    throughput,
    p50: 1,
    p99,
  });
  const one: Measurement = {
    id: '0',
    loads: [at(1, 100, 5), at(8, 300, 20), at(32, 400, 90)],
    pssBytes: 2e8,
    seconds: 1,
  };
  expect(bestLoad(one, { objective: 'throughput' })!.throughput).toBe(400);
  expect(bestLoad(one, { objective: 'throughput', p99: 50 })!.throughput).toBe(300);
  expect(bestLoad(one, { objective: 'latency', minThroughput: 200 })!.p99).toBe(20);
  expect(bestLoad(one, { objective: 'throughput', p99: 1 })!.p99).toBe(5);
  const outcome = outcomeOf([one], { objective: 'throughput', p99: 50, memoryBytes: 1e8 });
  expect(outcome.objective).toBeCloseTo(Math.log(300));
  expect(outcome.constraints[0]!).toBeLessThan(0);
  expect(outcome.constraints[1]!).toBeCloseTo(Math.log(2));
});

test('the Pareto front has what nothing else beats in all', async () => {
  const { trials } = await tune(options());
  const front = paretoFront(trials);
  for (const one of front) {
    const beaten = trials.some(
      (other) =>
        other.best!.throughput > one.best!.throughput &&
        other.best!.p99 < one.best!.p99 &&
        other.pssBytes! < one.pssBytes!,
    );
    expect(beaten).toBe(false);
  }
  expect(front.length).toBeGreaterThan(0);
  expect(front[0]!.best!.throughput).toBe(Math.max(...trials.map(({ best }) => best!.throughput)));
});

test('a point changes the configuration in place, comments and all', () => {
  const point = space.dimensions.map(({ values }) => values.length - 1);
  const after = configFor(space, point, 'm', text);
  expect(after).toContain('max_batch_size: 128 # as measured in May');
  expect(after.startsWith('# Ours.\n')).toBe(true);
  expect(parseConfig(after).config).toMatchObject({
    instance_group: [{ count: 4, kind: 'KIND_CPU' }],
    parameters: { intra_op_thread_count: { string_value: '1' } },
    dynamic_batching: { preferred_batch_size: [8], max_queue_delay_microseconds: 2000 },
  });
  expect(configFor(space, space.present, 'm', text)).toBe(text);
});

test('a point changes a deployment: of a checkpoint the part of each model', () => {
  const models = [
    { name: 'f', config: { max_batch_size: 32, ensemble_scheduling: { step: [] } } },
    { name: 'f-model', config },
  ];
  const joined = makeSpace({ models, cores: 2 });
  const point = joined.dimensions.map(({ values }) => values.length - 1);
  expect(deploymentEdits(joined, point, 'f', true)).toEqual([
    { path: ['model', 'instance_group'], value: [{ count: 4, kind: 'KIND_AUTO' }] },
    { path: ['model', 'parameters', 'intra_op_thread_count'], value: { string_value: '1' } },
    { path: ['model', 'dynamic_batching', 'max_queue_delay_microseconds'], value: 2000 },
    { path: ['model', 'dynamic_batching', 'preferred_batch_size'], value: [8] },
    { path: ['max_batch_size'], value: 128 },
  ]);
});

test('the guard speaks up before memory or a GPU is full', async () => {
  const gpu = { index: 1, name: 'G', usedBytes: 97, totalBytes: 100, utilization: 0 };
  const guards = [
    new MemoryGuard({ reserveBytes: 100, gpuReserve: 0, available: () => 99 }),
    new MemoryGuard({ reserveBytes: 0, gpuReserve: 0.05, gpus: async () => [gpu] }),
    new MemoryGuard({ reserveBytes: 100, gpuReserve: 0.01, available: () => 100, gpus: async () => [gpu] }),
  ];
  for (const guard of guards) await guard.look();
  for (const guard of guards) guard.stop();
  expect(guards.map(({ signal }) => signal.aborted && signal.reason.message)).toEqual([
    'stopped before memory ran out: only 99 B of memory are left, 100 B must stay free',
    'stopped before memory ran out: GPU 1 has 3 B left of 100 B',
    false,
  ]);
});
