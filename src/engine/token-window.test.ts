import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../onnx/index.ts';
import { Bench } from './testing/batches.ts';
import { TemporaryRepository, tensor } from './testing/repository.ts';
import type { TokenWindowOptions } from './token-window.ts';

/** In these tests the bytes of a request are its length. */
const windowOf = (options: Partial<TokenWindowOptions> = {}): TokenWindowOptions => ({
  maxTokens: 100,
  window: 64,
  maxOvertaken: 2,
  maxWaitMs: 0,
  lengthOf: ({ request }) => request.bytes / request.rows,
  ...options,
});

/** A batcher whose only instance is busy with `x`, so that what is sent waits. */
function busy(options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench({ window: windowOf(), ...options });
  bench.send('x', { bytes: 1 });
  bench.clock.settle();
  const send = (texts: Record<string, number>, more = {}): void => {
    for (const [name, bytes] of Object.entries(texts)) bench.send(name, { bytes, ...more });
  };
  /** Ends batches until nothing waits; the batches after `x`. */
  const drain = (): string[] => {
    while (bench.executor.running.length > 0) bench.executor.finish();
    return bench.batches.slice(1).map((batch) => [...batch].sort().join(''));
  };
  return { bench, send, drain };
}

describe('the budget', () => {
  test('is rows times the longest: like lengths go together, whatever came between them', () => {
    const { send, drain } = busy();
    send({ a: 10, b: 50, c: 11, d: 49, e: 9 });
    expect(drain()).toEqual(['ace', 'bd']);
  });

  test('is used up by others where the like are too few', () => {
    const { send, drain } = busy();
    send({ a: 10, b: 30, c: 33 });
    expect(drain()).toEqual(['abc']);
  });

  test('those nearest in length to the one whose turn it is come first', () => {
    const { send, drain } = busy({ maxBatchSize: 3 });
    send({ a: 20, b: 1, c: 26, d: 21, e: 3 });
    expect(drain()).toEqual(['acd', 'be']);
  });

  test('a text above it goes alone', () => {
    const { send, drain } = busy();
    send({ a: 500, b: 5, c: 500 });
    expect(drain()).toEqual(['a', 'b', 'c']);
  });

  test('counts rows, and max_batch_size holds', () => {
    const { send, drain } = busy({ maxBatchSize: 4 });
    send({ a: 30 }, { rows: 3 });
    send({ b: 20 }, { rows: 2 });
    send({ c: 10, d: 10 });
    expect(drain()).toEqual(['ac', 'bd']);
  });

  test('requests whose other inputs differ share no batch', () => {
    const { send, drain } = busy();
    send({ a: 10 }, { likeness: 'one' });
    send({ b: 10 }, { likeness: 'two' });
    send({ c: 10 }, { likeness: 'one' });
    expect(drain()).toEqual(['ac', 'b']);
  });

  test('only so many waiting are looked at', () => {
    const { send, drain } = busy({ window: windowOf({ window: 2 }) });
    send({ a: 10, b: 90, c: 10, d: 90 });
    expect(drain()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('nobody starves', () => {
  test('whose turn it is goes, and none is overtaken by more batches than allowed', () => {
    const { bench, send } = busy({ maxBatchSize: 2 });
    send({ a: 10, z: 90, b: 10 });
    const arrive = (name: string): void => {
      send({ [name]: 10 });
      bench.executor.finish();
    };
    for (const name of 'cdefg') arrive(name);
    // Without a limit z would be next as soon as it is the first; here that is after a.
    expect(bench.batches.slice(1, 3)).toEqual(['ab', 'z']);
  });

  test('after maxOvertaken batches it goes before all behind it', () => {
    const { send, drain } = busy({ maxBatchSize: 2, window: windowOf({ maxOvertaken: 1 }) });
    // a and b are first in turn; z is behind both and unlike both.
    send({ a: 10, b: 45, z: 90, c: 10, d: 45, e: 10, f: 45 });
    // a+c overtakes z (and b), then b may not take d before z, with which it does not fit.
    expect(drain()).toEqual(['ac', 'b', 'z', 'df', 'e']);
  });

  test('nor beyond the wait that is allowed', () => {
    const { bench, send, drain } = busy({ maxBatchSize: 2, window: windowOf({ maxOvertaken: 9, maxWaitMs: 50 }) });
    send({ a: 10, z: 90 });
    bench.clock.advance(50);
    send({ c: 10 });
    expect(drain()).toEqual(['a', 'z', 'c']);
  });

  test('in any stream of requests', () => {
    const request = fc.record({ length: fc.integer({ min: 1, max: 60 }), wait: fc.boolean() });
    const property = (requests: { length: number; wait: boolean }[], maxOvertaken: number, maxBatchSize: number) => {
      const { bench } = busy({ maxBatchSize, window: windowOf({ maxOvertaken, window: 16 }) });
      requests.forEach(({ length, wait }, index) => {
        bench.send([String.fromCodePoint(0x4e00 + index)].join(), { bytes: length });
        if (!wait) bench.executor.finish();
        bench.clock.settle();
      });
      while (bench.executor.running.length > 0) bench.executor.finish();
      const batches = bench.executor.batches
        .slice(1)
        .map((names) => names.map((name) => name.codePointAt(0)! - 0x4e00));
      // All are served once.
      expect(batches.flat().sort((a, b) => a - b)).toEqual(requests.map((_, index) => index));
      const servedIn = new Map(batches.flatMap((batch, at) => batch.map((index) => [index, at] as const)));
      for (const [index, at] of servedIn) {
        const overtaking = batches.slice(0, at).filter((batch) => batch.some((other) => other > index));
        expect(overtaking.length).toBeLessThanOrEqual(maxOvertaken);
      }
      for (const batch of batches) {
        const longest = Math.max(...batch.map((index) => requests[index]!.length));
        expect(batch.length === 1 || batch.length * longest <= 100).toBe(true);
        expect(batch.length).toBeLessThanOrEqual(maxBatchSize);
      }
    };
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 60 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 1, max: 8 }),
        property,
      ),
      { seed: 7, numRuns: 200 },
    );
  });
});

describe('what the config says of the queue stays true', () => {
  test('a level gives way only when all of it is in the batch', () => {
    const { send, drain } = busy({ config: { priority_levels: 2, default_priority_level: 2 } });
    send({ a: 10, b: 10 }, { priority: 2 });
    send({ c: 10, d: 60 }, { priority: 1 });
    send({ e: 12 }, { priority: 1 });
    // c and e are alike, d does not fit: a and b, alike too, must not pass it.
    expect(drain()).toEqual(['ce', 'd', 'ab']);
  });

  test('levels share a batch where there is room', () => {
    const { send, drain } = busy({ config: { priority_levels: 2, default_priority_level: 2 } });
    send({ a: 10, b: 10 }, { priority: 2 });
    send({ c: 10 }, { priority: 1 });
    expect(drain()).toEqual(['abc']);
  });

  test('timeouts', () => {
    const config = { default_queue_policy: { default_timeout_microseconds: 5000 } };
    const { bench, send, drain } = busy({ config });
    send({ a: 10, b: 90 });
    bench.clock.advance(6);
    send({ c: 10 });
    expect(drain()).toEqual(['c']);
    expect(bench.settled).toEqual(['a:QUEUE_TIMEOUT', 'b:QUEUE_TIMEOUT', 'x', 'c']);
  });

  test('cancellation', () => {
    const { bench, send, drain } = busy();
    const controller = new AbortController();
    send({ a: 10 });
    send({ b: 10 }, { signal: controller.signal });
    send({ c: 10 });
    controller.abort();
    expect(drain()).toEqual(['ac']);
    expect(bench.settled[0]).toBe('b:REQUEST_CANCELLED');
  });

  test('the delay: a batch waits for more, but not once something is left out of it', () => {
    const bench = new Bench({ window: windowOf(), config: { max_queue_delay_microseconds: 10_000 } });
    bench.send('a', { bytes: 10 });
    bench.clock.advance(4);
    expect(bench.batches).toEqual([]);
    bench.send('b', { bytes: 12 });
    bench.clock.advance(6);
    expect(bench.batches).toEqual(['ab']);
    bench.executor.finish();
    bench.send('cd', { bytes: 60 });
    bench.clock.settle();
    expect(bench.batches).toEqual(['ab', 'c']);
  });

  test('preserve_ordering: answers leave as the requests came', () => {
    const { bench, send, drain } = busy({ config: { preserve_ordering: true } });
    send({ a: 10, b: 60, c: 10 });
    expect(drain()).toEqual(['ac', 'b']);
    expect(bench.settled).toEqual(['x', 'a', 'b', 'c']);
  });
});

describe('the parameters', () => {
  const parameter = (key: string, value: string) =>
    `parameters { key: "conch.${key}" value { string_value: "${value}" } } `;
  async function repositoryOf(more: string, ragged = 'allow_ragged_batch: true') {
    const graph = new GraphBuilder('test', { opset: 17, irVersion: 8 });
    const x = graph.input('x', 'FP32', ['elements']);
    graph.input('counts', 'INT32', ['requests']);
    graph.output('y', graph.node('Identity', [x]), ['elements']);
    const config = `
      backend: "onnxruntime" max_batch_size: 8 instance_group { count: 1 kind: KIND_CPU }
      input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] ${ragged} }
      output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }
      batch_input { kind: BATCH_ELEMENT_COUNT target_name: "counts" data_type: TYPE_INT32 source_input: "x" }
      batch_output { kind: BATCH_SCATTER_WITH_INPUT_SHAPE target_name: "y" source_input: "x" }
      ${more}
    `;
    return new TemporaryRepository().graph('m', graph, config);
  }

  test('batches of like lengths, each request with its own answer', async () => {
    const engine = await (await repositoryOf(`dynamic_batching {} ${parameter('max_batch_tokens', '8')}`)).open();
    const infer = async (length: number) => {
      const values = Array.from({ length }, (_, index) => index + length);
      const { outputs } = await engine.infer({ model: 'm', inputs: [tensor('x', 'FP32', [1, length], values)] });
      return [...outputs[0]!.data];
    };
    const lengths = [2, 8, 2, 7, 1, 3];
    const answers = await Promise.all(lengths.map(infer));
    expect(answers).toEqual(lengths.map((length) => Array.from({ length }, (_, index) => index + length)));
    // [2, 2, 1], [8], [7], [3]: 3 x 2, 1 x 8; 7 and 3 together would be 14.
    expect(engine.statistics('m')[0]).toMatchObject({ inference_count: 6, execution_count: 4 });
  });

  test.each([
    [
      'no number',
      parameter('max_batch_tokens', 'many'),
      undefined,
      "parameter 'conch.max_batch_tokens' must be a whole number",
    ],
    ['nothing', parameter('max_batch_tokens', '0'), undefined, "parameter 'conch.max_batch_tokens' must be at least 1"],
    ['no ragged input', parameter('max_batch_tokens', '9'), '', 'needs an input with allow_ragged_batch'],
    ['no batcher', parameter('max_batch_tokens', '9'), 'allow_ragged_batch: true', 'needs dynamic_batching'],
  ])('%s is refused', async (what, more, ragged, message) => {
    const batching = what === 'no batcher' ? '' : 'dynamic_batching {} ';
    const engine = await (await repositoryOf(batching + more, ragged)).open();
    await expect(engine.load('m')).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: expect.stringContaining(message),
    });
  });
});
