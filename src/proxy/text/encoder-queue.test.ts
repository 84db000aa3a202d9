import { expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { EncodedText, TextTokenizer } from '../../text/index.ts';
import { type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { currentSpan, runWithin, Tracer } from '../operations/index.ts';
import { EncoderQueue } from './encoder-queue.ts';
import type { DirectText } from './pipeline.ts';

const tensor = (name: string, datatype: 'INT64' | 'FP32', dims: number[]) => ({
  name,
  datatype,
  dims,
  optional: false,
});

/** The encoder answers with the sum of each text's ids; batches that wait are let go by `next`. */
function bench(more: Partial<DirectText['pipeline']> = {}) {
  const held: (() => void)[] = [];
  let wake: (() => void) | undefined;
  const run: FakeServer['models'][string]['run'] = (inputs) =>
    new Promise((resolve, reject) => {
      const { shape, data } = inputs.get('input_ids')!;
      const [rows, length] = shape as [number, number];
      const sums = Array.from({ length: rows }, (_, row) =>
        [...(data as BigInt64Array).subarray(row * length, row * length + length)].reduce(
          (sum, id) => sum + Number(id),
          0,
        ),
      );
      held.push(() => {
        if ((data as BigInt64Array).includes(13n)) {
          reject(new ConchError('SERVER_ERROR', 'no 13', { status: 'INVALID_ARG' }));
          return;
        }
        const output: Tensor = { name: 'logits', datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(sums) };
        resolve([output]);
      });
      wake?.();
    });
  const server = fakeServer({ encoder: { config: {}, run } });
  const encoder = {
    name: 'encoder',
    version: '1',
    maxBatchSize: 4,
    inputs: [tensor('input_ids', 'INT64', [-1])],
    outputs: [tensor('logits', 'FP32', [1])],
  };
  const pipeline = {
    ...{ tokenizer: 't', tokenizerInput: 'text', maxLength: undefined, encoder, encoderVersion: undefined },
    inputs: [{ name: 'input_ids', encoding: 'input_ids' as const }],
    outputs: new Map([['logits', tensor('score', 'FP32', [1])]]),
    ...{ text: 'text', pair: undefined, packed: true, maxTokens: 100, instances: 1 },
    ...more,
  };
  const pad = (rows: readonly EncodedText[]) => {
    const length = Math.max(...rows.map(({ ids }) => ids.length));
    const input_ids = new BigInt64Array(rows.length * length);
    for (const [row, { ids }] of rows.entries())
      for (const [at, id] of ids.entries()) input_ids[row * length + at] = BigInt(id);
    return { batch: rows.length, length, input_ids, attention_mask: input_ids, token_type_ids: input_ids };
  };
  const client = fakeClient(server);
  const traces: (string | undefined)[] = [];
  const traced: typeof client = {
    ...client,
    infer: (request) => {
      traces.push(currentSpan()?.context.traceId);
      return client.infer(request);
    },
  };
  const all = { count: 0 };
  const queue = new EncoderQueue(traced, { pipeline, tokenizer: { pad } as TextTokenizer }, all);
  const signal = new AbortController().signal;
  const send = (length: number, value = 1, by = signal) =>
    queue
      .run({ ids: Array(length).fill(value), typeIds: [] }, { id: 'r', signal: by })
      .then(({ columns, index }) => [columns[0]!.output.name, columns[0]!.elements[index]]);
  /** Waits for a batch to arrive, and lets it go. */
  const next = async () => {
    if (held.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    held.shift()!();
  };
  const shapes = () => server.requests.map(({ inputs }) => inputs[0]!.shape);
  return { queue, send, next, shapes, held, traces, all };
}

test('what arrives in one turn leaves in batches of like lengths within the budget', async () => {
  const { send, next, shapes } = bench();
  const answers = [30, 5, 28, 6, 4].map((length) => send(length));
  for (let batch = 0; batch < 2; batch++) await next();
  expect(await Promise.all(answers)).toEqual([30, 5, 28, 6, 4].map((sum) => ['score', sum]));
  expect(shapes()).toEqual([
    [3, 30],
    [2, 5],
  ]);
});

test('texts gather while as many batches are under way as the encoder has instances, and one', async () => {
  const { queue, send, next, shapes, held } = bench();
  const first = [send(50), send(60), send(70), send(7), send(8)];
  await new Promise(setImmediate);
  expect([shapes().length, held.length, queue.length]).toEqual([2, 2, 2]);
  for (let batch = 0; batch < 4; batch++) await next();
  await Promise.all(first);
  expect(shapes().length).toBe(4);
});

test('a batch stands in the trace of a request that it holds, whichever batch made room for it', async () => {
  const { send, next, traces, all } = bench({ instances: 0, maxTokens: 10 });
  const tracer = new Tracer({ onEnd: () => {} });
  const spans = [1, 2, 3].map((at) =>
    tracer.begin('r', { traceparent: `00-${String(at).repeat(32)}-00f067aa0ba902b7-01` }),
  );
  const gone = new AbortController();
  const answers = spans.map((span, at) => runWithin(span, () => send(10, 1, at === 2 ? gone.signal : undefined)));
  await new Promise(setImmediate);
  expect(all.count).toBe(2);
  gone.abort(new Error('gone'));
  await expect(answers[2]).rejects.toThrow('gone');
  expect(all.count).toBe(1);
  answers.push(send(10));
  for (let batch = 0; batch < 3; batch++) await next();
  await Promise.all([answers[0], answers[1], answers[3]]);
  expect([traces, all.count]).toEqual([['1'.repeat(32), '2'.repeat(32), undefined], 0]);
});

test('where padding costs, lengths of another order do not share a batch', async () => {
  const { send, next, shapes } = bench({ packed: false });
  const answers = [send(20), send(3), send(18)];
  for (let batch = 0; batch < 2; batch++) await next();
  await Promise.all(answers);
  expect(shapes()).toEqual([
    [2, 20],
    [1, 3],
  ]);
});

test('nobody is overtaken for ever', async () => {
  const { send, next, shapes } = bench({ instances: 0 });
  const long = [send(90), send(91)];
  const short = Array.from({ length: 40 }, () => send(2));
  for (let batch = 0; batch < 12; batch++) await next();
  await Promise.all([...long, ...short]);
  // The second long text cannot share a batch; four others pass it at the most.
  expect(shapes().findIndex(([, length]) => length === 91)).toBeLessThanOrEqual(5);
});

test('a text that the encoder refuses fails alone', async () => {
  const { send, next } = bench();
  const results = Promise.allSettled([send(3), send(2, 13), send(4)]);
  for (let batch = 0; batch < 4; batch++) await next();
  expect(await results).toMatchObject([
    { value: ['score', 3] },
    { status: 'rejected', reason: { message: 'no 13' } },
    { value: ['score', 4] },
  ]);
});

test('who goes away while waiting is never sent', async () => {
  const { queue, send, next, shapes } = bench({ instances: 0 });
  const first = send(99);
  await new Promise(setImmediate);
  const gone = new AbortController();
  const waiting = send(98, 1, gone.signal);
  gone.abort(new ConchError('REQUEST_CANCELLED', 'gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(queue.length).toBe(0);
  await next();
  await first;
  expect(shapes()).toEqual([[1, 99]]);
});
