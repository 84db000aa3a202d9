import { afterEach, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { InferenceRequest, InferenceResponse } from '../../protocol/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { RoutedClient } from './routed-client.ts';
import { Shadow, type ShadowOptions } from './shadow.ts';
import { SpreadClient } from './spread-client.ts';

let client: RoutedClient;
afterEach(() => client?.close());

const fp32 = (rows: number[][]): Tensor => ({
  name: 'logits',
  datatype: 'FP32',
  shape: [rows.length, rows[0]!.length],
  data: Float32Array.from(rows.flat()),
});
const answering = (run: () => Tensor[] | Promise<Tensor[]>): FakeServer => fakeServer({ m: { config: {}, run } });
const request: InferenceRequest = { model: 'm', inputs: [fp32([[1]])] };

function shadowed(primary: FakeServer, shadow: FakeServer, options: Partial<ShadowOptions> = {}) {
  const follower = new Shadow({ client: { ...fakeClient(shadow), url: 'http://shadow' }, share: 1, ...options });
  client = new RoutedClient(new SpreadClient([{ client: fakeClient(primary) }]), follower);
  return follower;
}

test('answers are compared: the largest difference, and labels that disagree', async () => {
  const shadow = shadowed(
    answering(() => [
      fp32([
        [1, 2, 3],
        [5, 1, 1],
      ]),
    ]),
    answering(() => [
      fp32([
        [1, 2.25, 3],
        [1, 5.5, 1],
      ]),
    ]),
  );
  const { outputs } = await client.infer(request);
  expect([...(outputs[0]!.data as Float32Array)]).toEqual([1, 2, 3, 5, 1, 1]);
  await shadow.settled();
  const [report] = shadow.report();
  expect(report).toMatchObject({
    ...{ model: 'm', compared: 1, failed: 0, skipped: 0, mismatched: 0 },
    ...{ maxAbsDifference: 4.5, rows: 2, labelDisagreements: 1 },
  });
  expect(report!.latency!.primary.p50).toBeGreaterThanOrEqual(0);
});

test.each<[string, () => Tensor[] | Promise<Tensor[]>, Partial<Record<'failed' | 'mismatched', number>>, string]>([
  ['fails', () => Promise.reject(new ConchError('SERVER_ERROR', 'onnx failed')), { failed: 1 }, 'onnx failed'],
  [
    'throws',
    () => {
      throw new TypeError('boom');
    },
    { failed: 1 },
    'boom',
  ],
  ['hangs', () => new Promise(() => {}), { failed: 1 }, 'no answer within 20 ms'],
  ['has another shape', () => [fp32([[1, 2, 3]])], { mismatched: 1 }, "output 'logits' has shape [1,3], not [1,2]"],
  ['lacks an output', () => [], { mismatched: 1 }, "output 'logits' is missing"],
  ['answers NaN', () => [fp32([[1, Number.NaN]])], { mismatched: 1 }, "output 'logits' has NaN in place of 2"],
])('a shadow that %s is no client’s business', async (_name, run, counts, problem) => {
  const shadow = shadowed(
    answering(() => [fp32([[1, 2]])]),
    answering(run),
    { timeoutMs: 20 },
  );
  expect((await client.infer(request)).outputs).toHaveLength(1);
  await shadow.settled();
  expect(shadow.report()[0]).toMatchObject({ ...counts, lastProblem: problem });
});

test('the answer does not wait for the shadow, and copies have a limit', async () => {
  const hold = Promise.withResolvers<Tensor[]>();
  const server = answering(() => hold.promise);
  const shadow = shadowed(
    answering(() => [fp32([[1, 2]])]),
    server,
    { concurrent: 2 },
  );
  for (let index = 0; index < 5; index++) await client.infer(request);
  await new Promise((resolve) => setImmediate(resolve));
  expect(server.requests).toHaveLength(2);
  hold.resolve([fp32([[1, 2]])]);
  await shadow.settled();
  expect(shadow.report()[0]).toMatchObject({ compared: 2, skipped: 3 });
});

test('a share of the inferences is copied, of one model if told, without the version of here', async () => {
  const server = answering(() => [fp32([[1, 2]])]);
  const primary = answering(() => [fp32([[1, 2]])]);
  primary.models.other = primary.models.m!;
  const shadow = shadowed(primary, server, { share: 0.25, model: 'm' });
  for (let index = 0; index < 20; index++) {
    await client.infer({ ...request, version: '3' });
    await shadow.settled();
  }
  await client.infer({ ...request, model: 'other' });
  await client.infer({ ...request, sequence: { id: 1, start: true, end: true } });
  await shadow.settled();
  expect(server.requests.map(({ model, version }) => [model, version])).toEqual(Array(5).fill(['m', undefined]));
  await client.close();
  shadowed(primary, server, { version: '7' });
  await client.infer(request);
  await client.shadow!.settled();
  expect(server.requests.at(-1)!.version).toBe('7');
});

test('a failed inference is not copied; closing ends copies under way', async () => {
  const server = answering(() => new Promise(() => {}));
  const primary = answering(() => Promise.reject(new ConchError('SERVER_ERROR', 'no', { status: 'INVALID_ARG' })));
  const shadow = shadowed(primary, server);
  await expect(client.infer(request)).rejects.toThrow('no');
  expect(shadow.report()).toEqual([]);
  shadow.follow(request, { model: 'm', version: '1', outputs: [] } satisfies InferenceResponse, 1);
  await client.close();
  expect(shadow.report()[0]).toMatchObject({ compared: 0, failed: 0 });
  expect(() => new Shadow({ client: fakeClient(server), share: 1.5 })).toThrow('expected a share from 0 to 1');
});
