import { expect, test } from 'vitest';
import { FakeClock } from './testing/fake-clock.ts';
import { ask, chain, probe } from './testing/models.ts';
import { ProbeBackend } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

test('summaries tell quantiles of the last minute; nothing is kept unless asked for', async () => {
  const clock = new FakeClock();
  let ms = 0;
  const backend = new ProbeBackend({
    answer: ({ inputs, outputs }) => {
      clock.stall(ms);
      return outputs.map((name) => ({ ...inputs[0]!, name }));
    },
  });
  const repository = new TemporaryRepository().bare('m', probe());
  const options = { backends: { probe: backend }, clock };
  expect((await repository.open(options)).counters()[0]!.latencies).toBeUndefined();
  const engine = await repository.open({ ...options, latencyMetrics: { summaries: true, quantiles: [0.5, 0.9, 1] } });
  const of = (name: 'request' | 'queue' | 'cache_hit') => engine.counters()[0]!.latencies!.summaries[name];
  expect(of('request')).toEqual({
    count: 0,
    sum: 0,
    quantiles: [
      [0.5, Number.NaN],
      [0.9, Number.NaN],
      [1, Number.NaN],
    ],
  });
  for (ms = 1; ms <= 10; ms += 1) await ask(engine, 'm');
  expect(of('request')).toMatchObject({ count: 10, sum: 55_000 });
  expect(of('request')!.quantiles).toEqual([
    [0.5, 5000],
    [0.9, 9000],
    [1, 10_000],
  ]);
  expect(of('queue')!.quantiles[0]).toEqual([0.5, 0]);
  expect(of('cache_hit')).toBeUndefined();
  clock.advance(59_991);
  expect(of('request')!.quantiles[0]).toEqual([0.5, 10_000]);
  clock.advance(60_000);
  expect(of('request')!.quantiles[0]).toEqual([0.5, Number.NaN]);
  expect(of('request')!.count).toBe(10);
});

test("the time to the first response of decoupled models falls into the config's buckets", async () => {
  const clock = new FakeClock();
  let ms = 0;
  const backend = new ProbeBackend({
    respond: ({ outputs }, emit) => {
      clock.stall(ms);
      for (const final of [false, true])
        emit({ response: { outputs: outputs.map((name) => fp32(name, [1, 1], [1])) }, final });
      return undefined;
    },
  });
  const family = 'metric_identifier { family: "nv_inference_first_response_histogram_ms" }';
  const repository = new TemporaryRepository()
    .bare('m', probe('model_transaction_policy { decoupled: true }'))
    .bare('plain', probe())
    .bare('mm', chain('m'))
    .bare(
      'own',
      probe(`model_transaction_policy { decoupled: true }
        model_metrics { metric_control { ${family} histogram_options { buckets: [ 1, 2 ] } } }`),
    );
  const engine = await repository.open({ backends: { probe: backend }, clock, latencyMetrics: { histograms: true } });
  for (ms of [1, 2, 150, 9000]) {
    for (const model of ['m', 'own']) {
      await engine.stream({ model, inputs: [fp32('x', [1, 1], [1])] }, () => {});
    }
  }
  const [m, mm, own, plain] = engine.counters().map(({ latencies }) => latencies!.firstResponse);
  expect(m!.buckets).toEqual([
    [100, 2],
    [500, 3],
    [2000, 3],
    [5000, 3],
  ]);
  expect([m!.count, m!.sum]).toEqual([4, 9153]);
  expect(own!.buckets).toEqual([
    [1, 1],
    [2, 2],
  ]);
  expect(mm).toMatchObject({ count: 0, buckets: m!.buckets.map(([bound]) => [bound, 0]) });
  expect(plain).toBeUndefined();
});
