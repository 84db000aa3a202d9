import { expect, test } from 'vitest';
import type { ModelStatistics } from '../../protocol/index.ts';
import { loadRows, remarks, resourceRows, serverRows } from './format.ts';
import { testLimits } from './limits.ts';
import { LiveChart, sparkline } from './live-chart.ts';
import { benchPage } from './page.ts';
import type { BenchReport, LoadPoint } from './report.ts';
import { Samples } from './samples.ts';
import { sharesBetween } from './server-statistics.ts';
import { summarise } from './summary.ts';
import { warningsOf } from './warnings.ts';

function point(load: LoadPoint['load'], more: Partial<LoadPoint> = {}): LoadPoint {
  const samples = new Samples();
  for (let index = 0; index < 2000; index++) samples.add(index, index, index + 2 + (index % 10), undefined);
  const summary = summarise(samples, 0, 2000, 1);
  return {
    ...{ load, ...summary, tokensPerSecond: undefined, stable: true, server: [], resources: {}, warnings: [] },
    ...{ client: { cpus: 0.2, busiestThread: 0.2 }, ...more },
  };
}

const points = [
  point({ kind: 'closed', concurrency: 1 }),
  point(
    { kind: 'closed', concurrency: 8 },
    { failed: 3, failures: [{ code: 'UNAVAILABLE (HTTP 503)', count: 3, message: 'queue <full>' }] },
  ),
];
const report = (more: Partial<BenchReport> = {}): BenchReport => ({
  ...{
    model: 'm',
    version: '1',
    server: { url: 'http://s', name: 'triton', version: '2' },
    protocol: 'http',
    tensors: 'binary',
  },
  requests: { description: 'seeded', rows: 1, distinct: 256, texts: false },
  settings: { rampMs: 0, warmupMs: 1000, durationMs: 5000, stability: 0.05, metric: 'default', loadThreads: 1 },
  machine: { processor: 'P', cores: 2, memoryBytes: 1e9, load: 0 },
  ...{ points, limits: [], passed: true, startedAt: '2026-01-01T00:00:00.000Z', ...more },
});

test('limits are kept or missed at every load', () => {
  const limits = testLimits(points, [
    { metric: 'p99', value: 50 },
    { metric: 'p50', value: 1 },
    { metric: 'throughput', value: 100 },
    { metric: 'failed', value: 0.001 },
  ]);
  expect(limits.map(({ metric, met }) => `${metric} ${met}`)).toEqual([
    ...['p99 true', 'p50 false', 'throughput true', 'failed true'],
    ...['p99 true', 'p50 false', 'throughput true', 'failed false'],
  ]);
  const nothing = point({ kind: 'closed', concurrency: 1 }, { latency: undefined });
  expect(testLimits([nothing], [{ metric: 'p99', value: 1e9 }])[0]).toMatchObject({ met: false });
});

test('the tables and remarks say what was measured', () => {
  const [head, first] = loadRows(report());
  expect(head).toEqual(['load', 'inferences/s', 'p50 ms', 'p90', 'p95', 'p99', 'p99.9', 'max', 'failed']);
  expect(first!.slice(0, 2)).toEqual(['1 client', expect.stringMatching(/^99\d|1000/)]);
  expect(serverRows(report())).toBeUndefined();
  expect(resourceRows(report())).toBeUndefined();
  const limits = [{ load: '8 clients', metric: 'p99', limit: 5, value: 11, met: false }];
  expect(remarks(report({ limits }))).toEqual([
    '8 clients: 3 x UNAVAILABLE (HTTP 503): queue <full>',
    'MISSED  8 clients: p99 11.0 ms, at most 5.00 ms',
  ]);
});

test('the page stands alone, has its plots, and lets no text of a server through as HTML', () => {
  const page = benchPage(report());
  expect(page).not.toMatch(/<script|https?:\/\/(?!s\b)|src=|@import/);
  expect(page.match(/<svg /g)).toHaveLength(5);
  expect(page).not.toContain('queue <full>');
  expect(page).toContain('queue &#60;full&#62;');
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
});

test('a server that does not keep up, a late generator and a busy one are told of', () => {
  const open = { kind: 'open', rate: 5000, arrivals: 'constant', seed: 1, maxInFlight: 1 } as const;
  expect(warningsOf(point(open), 'network')).toEqual([expect.stringContaining('did not keep up: 997 answers')]);
  const late = point({ ...open, rate: 1000 }, { lateness: { p50: 3, p99: 9, max: 20 } });
  expect(warningsOf(late, 'network')).toEqual([expect.stringContaining('left more than 9.0 ms after their time')]);
  const busy = point({ kind: 'closed', concurrency: 8 }, { client: { cpus: 1, busiestThread: 0.97 } });
  expect(warningsOf(busy, 'network')).toEqual([expect.stringContaining('busy for 97 %')]);
  expect(warningsOf(busy, 'in-process')).toEqual([]);
  const shared = point({ kind: 'closed', concurrency: 8 }, { resources: { others: 0.42 } });
  expect(warningsOf(shared, 'network')).toEqual(["other processes took 42 % of this machine's processors meanwhile"]);
});

test("the server's time is what its counters gained, by model, versions summed up", () => {
  const counters = (name: string, version: string, requests: number, ns: number): ModelStatistics => {
    const of = (count: number, each: number) => ({ count, ns: count * each });
    return {
      ...{ name, version, last_inference: 0, inference_count: 4 * requests, execution_count: requests / 2 },
      inference_stats: {
        ...{
          success: of(requests, 10 * ns),
          fail: of(1, 0),
          queue: of(requests, 2 * ns),
          compute_input: of(requests, ns),
        },
        ...{
          compute_infer: of(requests, 6 * ns),
          compute_output: of(requests, ns),
          cache_hit: of(0, 0),
          cache_miss: of(0, 0),
        },
      },
      ...{ batch_stats: [], memory_usage: [] },
    };
  };
  const shares = sharesBetween(
    [counters('a', '1', 100, 1e6), counters('a', '2', 0, 1e6), counters('b', '1', 10, 1e6)],
    [counters('a', '1', 200, 1e6), counters('a', '2', 100, 1e6), counters('b', '1', 10, 1e6)],
  );
  expect(shares).toEqual([
    {
      ...{ model: 'a', requests: 200, failed: 0, inferences: 800, executions: 100, batch: 8, cacheHits: 0 },
      ...{ queue: 2, computeInput: 1, computeInfer: 6, computeOutput: 1, total: 10 },
    },
  ]);
});

test('the chart of a running measurement', () => {
  expect(sparkline([0, 1, 2, 4, Number.NaN, 8])).toBe('▁▂▃▅ █');
  const chart = new LiveChart();
  const moment = { phase: 'measuring', fraction: 0.5, second: 1, rate: 100, p50: 1, p99: 2, failed: 0 } as const;
  chart.add(moment);
  expect(chart.add({ ...moment, rate: 50, failed: 2 }).split('\n')).toEqual([
    'measuring',
    '     50.0 requests/s  █▅',
    '     2.00 ms p99      ██  2 failed',
  ]);
});
