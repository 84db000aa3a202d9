import { describe, expect, test } from 'vitest';
import type { Engine } from '../../engine.ts';
import { fp32 } from '../../testing/repository.ts';
import { executes, numbers, PythonRepository, python } from './testing.ts';

/** A model whose family is `self.family`; `lines` run for each request and leave what to answer in `said`. */
const keeps = (kind: string, lines: string, more = ''): string =>
  executes(
    `
def attempt(work):
    try:
        return work()
    except (pb_utils.TritonModelException, TypeError) as error:
        return f"{type(error).__name__}: {error}"
family = self.family
${lines}
responses.append(pb_utils.InferenceResponse([], parameters={"said": str(said)}))`,
    `def initialize(self, args):
    self.family = pb_utils.MetricFamily(name="seen", description="What was seen", kind=pb_utils.MetricFamily.${kind})
${more
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}`,
  );

async function said(engine: Engine, model = 'm', x = 1): Promise<unknown> {
  const response = await engine.infer({ model, inputs: [fp32('x', [1, 1], [x])] });
  return response.parameters?.said;
}

const counts = keeps(
  'COUNTER',
  'self.metric.increment(float(x[0][0]))\nsaid = self.metric.value()',
  'self.metric = self.family.Metric(labels={"model": "shared", "at": "1"})',
);

describe.runIf(python)('metrics that Python models keep', { timeout: 30_000 }, () => {
  test('are shared by all who name the same, and outlive them', async () => {
    const engine = await new PythonRepository()
      .python('m', `${numbers} instance_group { count: 2 kind: KIND_CPU }`, counts)
      .python('n', numbers, counts.replace('"model": "shared", "at": "1"', '"at": "1", "model": "shared"'))
      .open();
    expect(engine.customMetrics()).toMatchObject([{ name: 'seen', series: [{ value: 0 }] }]);
    await Promise.all([said(engine, 'm', 1), said(engine, 'm', 2), said(engine, 'n', 4.5)]);
    expect(await said(engine, 'n', 0)).toBe('7.5');
    await engine.unload('n');
    await engine.unload('m');
    await engine.load('m');
    expect(await said(engine, 'm', 0.5)).toBe('8.0');
    expect(engine.customMetrics()).toEqual([
      {
        name: 'seen',
        description: 'What was seen',
        kind: 'counter',
        series: [{ labels: { at: '1', model: 'shared' }, value: 8, count: 0, buckets: [] }],
      },
    ]);
  });

  test('of kind gauge are set and go both ways; NaN and infinity pass', async () => {
    const lines = `
gauge = family.Metric()
gauge.set(5)
gauge.increment(-7.25)
said = [gauge.value()]
gauge.set(float("-inf"))
said.append(gauge.value())
gauge.set(float("nan"))
said += [gauge.value(), attempt(lambda: gauge.observe(1))]`;
    const engine = await new PythonRepository().python('m', numbers, keeps('GAUGE', lines)).open();
    expect(await said(engine)).toBe(
      "[-2.25, -inf, nan, 'TritonModelException: a metric of kind GAUGE has no observe']",
    );
    expect(engine.customMetrics()[0]!.series[0]!.value).toBeNaN();
  });

  test('of kind histogram observe', async () => {
    const lines = `
histogram = family.Metric(labels={"k": "v"}, buckets=[0.1, 1, 10])
for value in (0.1, 0.5, 11, 1): histogram.observe(value)
said = [attempt(histogram.value), attempt(lambda: histogram.increment(1)), attempt(lambda: family.Metric()), attempt(lambda: family.Metric(buckets=[2, 1])), attempt(lambda: family.Metric(labels={"le": "x"}, buckets=[1]))]
said = "\\n".join(said)`;
    const engine = await new PythonRepository().python('m', numbers, keeps('HISTOGRAM', lines)).open();
    expect(String(await said(engine)).split('\n')).toEqual([
      'TritonModelException: a metric of kind HISTOGRAM has no value',
      'TritonModelException: a metric of kind HISTOGRAM has no increment',
      'TritonModelException: a histogram needs buckets',
      "TritonModelException: the buckets of 'seen' must be ascending numbers, they are 2, 1",
      expect.stringContaining("'le' is no name for a label of 'seen'"),
    ]);
    expect(engine.customMetrics()[0]!.series).toEqual([
      {
        labels: { k: 'v' },
        value: 12.6,
        count: 4,
        buckets: [
          [0.1, 1],
          [1, 3],
          [10, 3],
        ],
      },
    ]);
  });

  test('that cannot be are refused with the reason', async () => {
    const lines = `
Family = pb_utils.MetricFamily
said = "\\n".join([
    attempt(lambda: family.Metric(labels={"a": 1})),
    attempt(lambda: family.Metric(labels={"a-b": "1"})),
    attempt(lambda: family.Metric(labels=["a"])),
    attempt(lambda: family.Metric(buckets=[1])),
    attempt(lambda: family.Metric().increment(-1)),
    attempt(lambda: family.Metric().set(1)),
    attempt(lambda: family.Metric().increment("x")),
    attempt(lambda: Family("bad name", "x", Family.COUNTER)),
    attempt(lambda: Family("seen", "x", Family.GAUGE)),
])`;
    const engine = await new PythonRepository().python('m', numbers, keeps('COUNTER', lines)).open();
    expect(String(await said(engine)).split('\n')).toEqual([
      'TritonModelException: the labels of a metric are texts',
      "TritonModelException: 'a-b' is no name for a label of 'seen': letters, digits and '_'",
      'TritonModelException: the labels of a metric are a dictionary',
      'TritonModelException: only a histogram has buckets',
      'TritonModelException: a counter takes no negative increment',
      'TritonModelException: a metric of kind COUNTER has no set',
      'TypeError: a metric takes numbers, not str',
      expect.stringContaining("'bad name' is no name for a metric"),
      "TritonModelException: the metric family 'seen' is there already, as a counter",
    ]);
  });

  test('go when the last who has them deletes their family, and are of no use to him then', async () => {
    const lines = `
metric = family.Metric()
del family
self.family = None
said = attempt(lambda: metric.increment(1))`;
    const engine = await new PythonRepository()
      .python('m', numbers, keeps('COUNTER', lines))
      .python('n', numbers, counts)
      .open();
    expect(engine.customMetrics()[0]!.series).toHaveLength(1);
    expect(await said(engine)).toBe(
      "TritonModelException: the metric's MetricFamily has been deleted; delete it after its metrics",
    );
    expect(engine.customMetrics()[0]!.series.map(({ labels }) => labels)).toEqual([{ at: '1', model: 'shared' }]);
  });
});
