import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { ResponseCache } from './response-cache.ts';
import { chain, probe } from './testing/models.ts';
import { ProbeBackend } from './testing/probe.ts';
import { fp32, TemporaryRepository } from './testing/repository.ts';

const cached = 'response_cache { enable: true }';
const ask = (model: string, x: number, rows = 1, outputs?: { name: string }[]) => ({
  model,
  inputs: [fp32('x', [rows, 1], Array(rows).fill(x))],
  outputs,
});
const counts = (backend: ProbeBackend) => backend.instances.reduce((sum, { batches }) => sum + batches.length, 0);

async function open(config = probe(cached), responseCacheBytes = 1 << 20, backend = new ProbeBackend()) {
  const repository = new TemporaryRepository().bare('m', config);
  const engine = await repository.open({ backends: { probe: backend }, responseCacheBytes });
  return { repository, engine, backend, runs: () => counts(backend) - 1 };
}

describe('a model that opted in', () => {
  test('is run once for equal requests; hits count as successes without computing', async () => {
    const { engine, runs } = await open();
    const first = await engine.infer(ask('m', 1));
    const second = await engine.infer({ ...ask('m', 1), id: 'b' });
    expect(second).toEqual({ ...first, id: 'b' });
    expect(runs()).toBe(1);
    await engine.infer(ask('m', 2));
    const [{ inference_stats: s, ...rest }] = engine.statistics('m') as never as [
      Record<string, never> & { inference_stats: Record<string, { count: number }> },
    ];
    expect(rest).toMatchObject({ inference_count: 2, execution_count: 2 });
    expect(Object.fromEntries(Object.entries(s).map(([name, { count }]) => [name, count]))).toEqual({
      success: 3,
      fail: 0,
      queue: 3,
      compute_input: 2,
      compute_infer: 2,
      compute_output: 2,
      cache_hit: 1,
      cache_miss: 2,
    });
  });

  test('over a stream, too', async () => {
    const { engine, runs } = await open();
    const answers: unknown[] = [];
    for (let round = 0; round < 2; round++)
      await engine.stream(ask('m', 1), ({ response, final }) =>
        answers.push([(response as never as { outputs: unknown }).outputs, final]),
      );
    expect(answers[1]).toEqual(answers[0]);
    expect(runs()).toBe(1);
  });

  test('equal bytes in another shape, and other requested outputs, are other requests', async () => {
    const two = 'output { name: "z" data_type: TYPE_FP32 dims: [ 1 ] }';
    const { engine } = await open(
      probe(`${cached} ${two}`).replace(
        'name: "x" data_type: TYPE_FP32 dims: [ 1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
      ),
    );
    const flat = { model: 'm', inputs: [fp32('x', [1, 2], [1, 1])] };
    const tall = { model: 'm', inputs: [fp32('x', [2, 1], [1, 1])] };
    expect((await engine.infer(flat)).outputs[0]!.shape).toEqual([1, 2]);
    expect((await engine.infer(tall)).outputs[0]!.shape).toEqual([2, 1]);
    expect((await engine.infer({ ...flat, outputs: [{ name: 'z' }] })).outputs.map(({ name }) => name)).toEqual(['z']);
  });

  test('failures are not kept', async () => {
    let healthy = false;
    const backend = new ProbeBackend({
      answer: ({ inputs, outputs }) =>
        healthy ? outputs.map((name) => ({ ...inputs[0]!, name })) : new ConchError('EXECUTION_FAILED', 'broken'),
    });
    const { engine } = await open(probe(cached), 1 << 20, backend);
    await expect(engine.infer(ask('m', 1))).rejects.toThrow('broken');
    healthy = true;
    expect((await engine.infer(ask('m', 1))).outputs.length).toBe(1);
  });

  test('a reloaded model starts anew', async () => {
    const { repository, engine, backend } = await open();
    await engine.infer(ask('m', 1));
    const before = counts(backend);
    repository.write('m/1/weights', 'other');
    await engine.load('m');
    await engine.infer(ask('m', 1));
    // Its warm-up, and the request.
    expect(counts(backend)).toBe(before + 2);
  });

  test('an ensemble keeps its own answers', async () => {
    const backend = new ProbeBackend();
    const repository = new TemporaryRepository().bare('m', probe()).bare('flow', `${chain('m', 'm')} ${cached}`);
    const engine = await repository.open({ backends: { probe: backend }, responseCacheBytes: 1 << 20 });
    await engine.infer(ask('flow', 1));
    await engine.infer(ask('flow', 1));
    expect(engine.statistics('m')[0]!.inference_count).toBe(2);
    expect(engine.statistics('flow')[0]!.inference_stats.cache_hit.count).toBe(1);
  });

  test('what the queue refuses is refused as without a cache', async () => {
    const { engine } = await open(probe(cached));
    const gone = AbortSignal.abort();
    await expect(engine.infer({ ...ask('m', 1), signal: gone })).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  });
});

test('without a cache in the engine, or without opting in, nothing is kept', async () => {
  for (const { engine, runs } of [await open(probe(cached), 0), await open(probe())]) {
    await engine.infer(ask('m', 1));
    await engine.infer(ask('m', 1));
    expect(runs()).toBe(2);
  }
});

describe('room', () => {
  const response = (values: number) => ({ outputs: [fp32('y', [values], Array(values).fill(1))] });

  test('the least recently used leaves first; what is too large never comes in', () => {
    const cache = new ResponseCache(3 * (512 + 400));
    for (const key of ['a', 'b', 'c']) cache.set(key, response(100));
    expect(cache.get('a')).toBeDefined();
    cache.set('d', response(100));
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd']);
    cache.set('e', response(10_000));
    expect(cache.get('e')).toBeUndefined();
    expect([cache.size, cache.bytes]).toEqual([3, 3 * 912]);
    cache.set('d', response(1));
    expect(cache.bytes).toBe(2 * 912 + 516);
  });

  test('an entry does not hold on to the memory it was cut from', () => {
    const cache = new ResponseCache(4096);
    const whole = new Float32Array(1000);
    cache.set('a', { outputs: [{ name: 'y', datatype: 'FP32', shape: [1], data: whole.subarray(5, 6) }] });
    expect(cache.get('a')!.outputs[0]!.data.buffer.byteLength).toBe(4);
  });

  test('a version takes its entries with it', () => {
    const cache = new ResponseCache(4096);
    const [one, other] = [cache.open(), cache.open()];
    const request = { inputs: [fp32('x', [1], [1])], outputs: ['y'] } as never;
    one.set(one.keyOf(request), response(1));
    other.set(other.keyOf(request), response(1));
    one.close();
    expect([one.get(one.keyOf(request)), cache.size]).toEqual([undefined, 1]);
  });
});
