import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../../test/fake-engine.ts';
import { call } from '../../../test/raw-http.ts';
import { type RunningServer, serveEngine } from '../index.ts';
import { exposition } from './exposition.ts';
import { metricFamilies } from './families.ts';

let server: RunningServer;
let engine: FakeEngine;
let url: string;
beforeAll(async () => {
  engine = new FakeEngine();
  server = await serveEngine(engine, { httpPort: 0, metricsPort: 0 });
  url = `http://127.0.0.1:${server.metricsPort}`;
});
afterAll(() => server.close());

test("the metrics page has Triton's families, labels and units", async () => {
  const { status, headers, text } = await call(`${url}/metrics`);
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  const lines = text.split('\n');
  const sum = '_team="a\\"b",model="sum",version="1"';
  const failure = (reason: string) =>
    `nv_inference_request_failure{${sum.replace(',version', `,reason="${reason}",version`)}}`;
  for (const line of [
    '# TYPE nv_inference_request_success counter',
    `nv_inference_request_success{${sum}} 5`,
    'nv_inference_request_success{model="echo",version="1"} 5',
    `${failure('REJECTED')} 1`,
    `${failure('CANCELED')} 0`,
    `${failure('BACKEND')} 2`,
    `${failure('OTHER')} 0`,
    `nv_inference_count{${sum}} 7`,
    `nv_inference_exec_count{${sum}} 4`,
    `nv_inference_request_duration_us{${sum}} 12000`,
    `nv_inference_queue_duration_us{${sum}} 7500`,
    `nv_inference_compute_input_duration_us{${sum}} 6000`,
    `nv_inference_compute_infer_duration_us{${sum}} 6000`,
    `nv_inference_compute_output_duration_us{${sum}} 6000`,
    '# TYPE nv_inference_pending_request_count gauge',
    `nv_inference_pending_request_count{${sum}} 3`,
    `nv_model_load_duration_secs{${sum}} 0.25`,
  ]) {
    expect(lines).toContain(line);
  }
  for (const name of ['nv_cpu_utilization', 'nv_cpu_memory_total_bytes', 'nv_cpu_memory_used_bytes']) {
    expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
  }
  expect(text).not.toContain('nv_cache_');
});

test('every line is a comment or a sample that Prometheus can read', async () => {
  const { text } = await call(`${url}/metrics/`);
  expect(text.endsWith('\n')).toBe(true);
  const sample = /^[a-z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? (\d+(\.\d+)?|NaN|[+-]Inf)$/;
  for (const line of text.trimEnd().split('\n')) {
    if (!/^# (HELP|TYPE) nv_\w+ /.test(line)) expect(line).toMatch(sample);
  }
});

test('other paths answer 200 and nothing, other methods 405', async () => {
  const { status, text } = await call(`${url}/v2`);
  expect([status, text]).toEqual([200, '']);
  const post = await call(`${url}/metrics`, { body: 'x' });
  expect([post.status, post.headers.allow]).toEqual([405, 'GET']);
});

test('a model with a response cache shows it', async () => {
  engine.config('echo').response_cache = { enable: true };
  const { text } = await call(`${url}/metrics`);
  expect(text).toContain('nv_cache_num_hits_per_model{model="echo",version="1"} 0');
  expect(text).not.toMatch(/nv_cache_num_hits_per_model\{.*model="sum"/);
});

test('odd values and labels are escaped', () => {
  const samples = [
    [{ a: 'x\\y"z\nw' }, Number.NaN],
    [{}, Number.POSITIVE_INFINITY],
    [{}, Number.NEGATIVE_INFINITY],
  ] as const;
  expect(exposition([{ name: 'm', help: 'Help', type: 'gauge', samples }])).toBe(
    '# HELP m Help\n# TYPE m gauge\nm{a="x\\\\y\\"z\\nw"} NaN\nm +Inf\nm -Inf\n',
  );
});

test('latencies appear as histograms and summaries, and totals can be left out', () => {
  const counters = engine.counters().map((one) => ({
    ...one,
    latencies: {
      summaries: { request: { count: 2, sum: 30, quantiles: [[0.5, 10] as const] } },
      firstResponse: { count: 3, sum: 7.5, buckets: [[100, 2] as const] },
    },
  }));
  const kept = Object.assign(Object.create(engine), { counters: () => counters.slice(1) }) as FakeEngine;
  const text = exposition(metricFamilies(kept, undefined, { counters: false }));
  expect(text).toContain(`# TYPE nv_inference_first_response_histogram_ms histogram
nv_inference_first_response_histogram_ms_count{model="echo",version="1"} 3
nv_inference_first_response_histogram_ms_sum{model="echo",version="1"} 7.5
nv_inference_first_response_histogram_ms_bucket{model="echo",version="1",le="100"} 2
nv_inference_first_response_histogram_ms_bucket{model="echo",version="1",le="+Inf"} 3
`);
  expect(text).toContain(`# TYPE nv_inference_request_summary_us summary
nv_inference_request_summary_us_count{model="echo",version="1"} 2
nv_inference_request_summary_us_sum{model="echo",version="1"} 30
nv_inference_request_summary_us{model="echo",version="1",quantile="0.5"} 10
`);
  expect(text).not.toContain('_duration_us');
  expect(text).not.toContain('nv_cpu');
  expect(text).toContain('nv_model_load_duration_secs');
  expect(text).toContain('nv_pinned_memory_pool_total_bytes 0');
});

test('what models keep stands beside, escaped, and together with what has its name', async () => {
  const series = (labels: Record<string, string>, value: number) => ({ labels, value, count: 0, buckets: [] });
  engine.kept = [
    {
      name: 'tokens_total',
      description: 'Tokens\nseen \\ so far',
      kind: 'counter',
      series: [series({}, 3), series({ model: 'a"b' }, Number.NaN)],
    },
    {
      name: 'size',
      description: 'Sizes',
      kind: 'histogram',
      series: [{ labels: { a: 'b' }, value: 5.5, count: 4, buckets: [[0.5, 1] as const, [2, 3] as const] }],
    },
    { name: 'nv_inference_count', description: 'x', kind: 'counter', series: [series({ model: 'mine' }, 7)] },
    { name: 'nv_inference_exec_count', description: 'x', kind: 'gauge', series: [series({ model: 'mine' }, 7)] },
  ];
  const { text } = await call(`${url}/metrics`);
  engine.kept = [];
  expect(text).toContain(`# HELP tokens_total Tokens\\nseen \\\\ so far
# TYPE tokens_total counter
tokens_total 3
tokens_total{model="a\\"b"} NaN
# HELP size Sizes
# TYPE size histogram
size_count{a="b"} 4
size_sum{a="b"} 5.5
size_bucket{a="b",le="0.5"} 1
size_bucket{a="b",le="2"} 3
size_bucket{a="b",le="+Inf"} 4
`);
  expect(text.match(/# TYPE nv_inference_count counter/g)).toHaveLength(1);
  expect(text).toContain('nv_inference_count{model="mine"} 7');
  expect(text).not.toContain('nv_inference_exec_count{model="mine"}');
});
