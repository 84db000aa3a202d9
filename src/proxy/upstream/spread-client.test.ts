import { once } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { InferenceRequest } from '../../protocol/index.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { FingerPrints } from '../finger-prints.ts';
import { SpreadClient, type SpreadOptions } from './spread-client.ts';

let now = 0;
let spread: SpreadClient;
beforeEach(() => {
  now = 0;
});
afterEach(() => spread?.close());

const names = ['a', 'b', 'c', 'd'];
const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 10], data: new Float32Array(10) };
const request = (more: Partial<InferenceRequest> = {}): InferenceRequest => ({
  model: 'simple_net',
  inputs: [x],
  ...more,
});

/** Servers of the example models, over which inferences are spread. */
function servers(count: number, options: SpreadOptions & { weights?: number[] } = {}): FakeServer[] {
  const fakes = Array.from({ length: count }, () => fakeServer(exampleModels()));
  const clients = fakes.map(
    (fake, index): InferenceClient => ({ ...fakeClient(fake), url: `http://${names[index]}:8000` }),
  );
  spread = new SpreadClient(
    clients.map((client, index) => ({ client, weight: options.weights?.[index] })),
    { healthIntervalMs: 1_000_000, ...options, circuit: { now: () => now, ...options.circuit } },
  );
  return fakes;
}
const counts = (fakes: FakeServer[]) => fakes.map(({ requests }) => requests.length);
const error = (status: 'INTERNAL' | 'UNAVAILABLE' | 'NOT_FOUND' | 'INVALID_ARG', message = 'no') =>
  new ConchError('SERVER_ERROR', message, { status });
function failWith(fake: FakeServer, failure: ConchError | undefined) {
  const { simple_net } = exampleModels();
  fake.models.simple_net = failure ? { ...simple_net!, run: () => Promise.reject(failure) } : simple_net!;
}

test('requests are shared out evenly, and by weight', async () => {
  const equal = servers(3);
  for (let index = 0; index < 9; index++) await spread.infer(request());
  expect(counts(equal)).toEqual([3, 3, 3]);
  await spread.close();

  const weighted = servers(2, { weights: [3, 1] });
  const hold = Promise.withResolvers<void>();
  for (const fake of weighted) {
    const { simple_net } = exampleModels();
    fake.models.simple_net = {
      ...simple_net!,
      run: (inputs, one) => hold.promise.then(() => simple_net!.run(inputs, one)),
    };
  }
  const held = Array.from({ length: 40 }, () => spread.infer(request()));
  await vi.waitFor(() => expect(counts(weighted)).toEqual([30, 10]));
  hold.resolve();
  await Promise.all(held);
});

test('a server that cannot be reached costs no request, and is left out after a few', async () => {
  const fakes = servers(2);
  await spread.look();
  fakes[0]!.reachable = false;
  await spread.look();
  for (let index = 0; index < 10; index++) expect((await spread.infer(request())).outputs).toHaveLength(1);
  expect(counts(fakes)).toEqual([0, 10]);
  expect(fakes[0]!.calls.infer).toBeUndefined();
  fakes[0]!.reachable = true;
  await spread.look();
  for (let index = 0; index < 10; index++) await spread.infer(request());
  expect(counts(fakes)).toEqual([5, 15]);
});

test('before anybody has looked, retries make up for it and the circuit opens', async () => {
  const fakes = servers(2);
  await spread.look();
  fakes[0]!.reachable = false;
  // The look after a retry finds it gone; held back here, so that only requests can tell.
  fakes[0]!.ready = true;
  const looked = vi.spyOn(spread, 'look').mockResolvedValue();
  for (let index = 0; index < 20; index++) expect((await spread.infer(request())).outputs).toHaveLength(1);
  expect([fakes[0]!.calls.infer, spread.retried, counts(fakes)]).toEqual([5, 5, [0, 20]]);
  expect(looked).toHaveBeenCalledTimes(5);
  now = 1000;
  await spread.infer(request());
  await spread.infer(request());
  expect(fakes[0]!.calls.infer).toBe(6);
  fakes[0]!.reachable = true;
  now = 3000;
  for (let index = 0; index < 4; index++) await spread.infer(request());
  expect(counts(fakes)[0]).toBe(2);
});

test.each([
  ['stopping', error('UNAVAILABLE', 'the server is stopping'), true],
  ['full', error('UNAVAILABLE', 'Exceeds maximum queue size'), true],
  ['without the model', error('NOT_FOUND', "unknown model 'simple_net'"), true],
  ['failing on the input', error('INTERNAL', 'onnx failed'), false],
  ['refusing the input', error('INVALID_ARG', 'unexpected shape'), false],
])('a server that is %s: tried on another one %s', async (_name, failure, again) => {
  const fakes = servers(2);
  await spread.look();
  failWith(fakes[0]!, failure);
  failWith(fakes[1]!, undefined);
  const outcomes = await Promise.allSettled([spread.infer(request()), spread.infer(request())]);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(again ? 2 : 1);
  expect(counts(fakes)).toEqual([1, again ? 2 : 1]);
});

test('a server whose answers are failures is left out while another has the model', async () => {
  const fakes = servers(2);
  await spread.look();
  failWith(fakes[0]!, error('INTERNAL', 'onnx failed'));
  const outcomes: string[] = [];
  for (let index = 0; index < 30; index++) {
    outcomes.push(
      await spread.infer(request()).then(
        () => 'good',
        () => 'bad',
      ),
    );
  }
  expect(outcomes.filter((outcome) => outcome === 'bad')).toHaveLength(5);
  // The other one fails too: both go on being asked, since leaving out both would help nobody.
  failWith(fakes[1]!, error('INTERNAL', 'onnx failed'));
  const before = counts(fakes)[1]!;
  for (let index = 0; index < 20; index++) await spread.infer(request()).catch(() => {});
  expect(counts(fakes)[1]! - before).toBeGreaterThan(10);
});

test('one server alone is never left out for failing, and fails fast when it is gone', async () => {
  const [fake] = servers(1) as [FakeServer];
  failWith(fake, error('INTERNAL', 'onnx failed'));
  for (let index = 0; index < 50; index++) await spread.infer(request()).catch(() => {});
  expect(fake.requests).toHaveLength(50);
  fake.reachable = false;
  for (let index = 0; index < 50; index++) {
    await expect(spread.infer(request())).rejects.toThrow(expect.objectContaining({ code: 'SERVER_UNREACHABLE' }));
  }
  expect(fake.calls.infer).toBe(51);
  await expect(spread.infer(request())).rejects.toThrow('no server is in rotation; the next attempt is in 1 s');
  fake.reachable = true;
  expect(await spread.isReady()).toBe(true);
  failWith(fake, undefined);
  expect((await spread.infer(request())).outputs).toHaveLength(1);
});

test('requests go where the model is, and the index is that of all servers together', async () => {
  const fakes = servers(3);
  delete fakes[0]!.models.simple_net;
  fakes[2]!.models.simple_net = { ...exampleModels().simple_net!, versions: ['2'] };
  await spread.look();
  for (let index = 0; index < 6; index++) await spread.infer(request());
  expect(counts(fakes)).toEqual([0, 3, 3]);
  await spread.infer(request({ version: '2' }));
  expect(counts(fakes)).toEqual([0, 3, 4]);
  expect([spread.has('simple_net', '2'), spread.has('simple_net', '3'), spread.has('nothing')]).toEqual([
    true,
    false,
    false,
  ]);
  const rows = (await spread.index()).filter(({ name }) => name === 'simple_net');
  expect(rows.map(({ version, state }) => [version, state])).toEqual([
    ['1', 'READY'],
    ['2', 'READY'],
  ]);
  expect((await spread.modelMetadata('simple_net', '2')).versions).toEqual(['2']);
  fakes[1]!.reachable = false;
  expect((await spread.index()).filter(({ name }) => name === 'simple_net')).toHaveLength(1);
});

test('what the catalogue watches does not change because servers have counted differently', async () => {
  const fakes = servers(2);
  spread.endpoints.forEach(({ client }, at) => {
    const stats = { count: at === 0 ? 500 : 3, ns: 0 };
    const row = { name: 'simple_net', version: '1', inference_stats: { success: stats, fail: { count: 0, ns: 0 } } };
    client.statistics = async () => [row as never];
  });
  const prints = new FingerPrints(spread, true);
  const take = () =>
    prints.take(new Map([['simple_net', { versions: '1' }]]), async () => ({}), AbortSignal.timeout(5000));
  const first = await take();
  expect(await take()).toEqual(first);
  expect(fakes).toHaveLength(2);
  spread.endpoints[1]!.client.statistics = async () => [
    {
      name: 'simple_net',
      version: '1',
      inference_stats: { success: { count: 0, ns: 0 }, fail: { count: 0, ns: 0 } },
    } as never,
  ];
  expect(await take()).not.toEqual(first);
});

test('a server that says it is not ready, because of another model perhaps, is asked when no other is left', async () => {
  const fakes = servers(2);
  await spread.look();
  fakes[0]!.ready = false;
  await spread.look();
  for (let index = 0; index < 4; index++) await spread.infer(request());
  expect(counts(fakes)).toEqual([0, 4]);
  expect(await spread.isReady()).toBe(true);
  fakes[1]!.ready = false;
  await spread.look();
  expect(await spread.isReady()).toBe(false);
  for (let index = 0; index < 4; index++) await spread.infer(request());
  expect(counts(fakes)).toEqual([2, 6]);
});

test('one that hangs does not hold up readiness', async () => {
  const fakes = servers(2);
  const { client } = spread.endpoints[0]!;
  client.isReady = () => new Promise(() => {});
  expect(await spread.isReady()).toBe(true);
  expect(fakes[1]!.calls.isReady).toBeGreaterThan(0);
});

test('a sequence stays on its server and is never sent twice', async () => {
  const fakes = servers(4);
  await spread.look();
  const sequence = (id: number) => request({ sequence: { id, start: false, end: false } });
  for (let id = 1; id <= 40; id++) for (let step = 0; step < 3; step++) await spread.infer(sequence(id));
  for (const fake of fakes) {
    const ids = fake.requests.map((one) => one.sequence!.id);
    for (const id of new Set(ids)) expect(ids.filter((other) => other === id)).toHaveLength(3);
  }
  expect(Math.min(...counts(fakes))).toBeGreaterThan(0);
  for (const fake of fakes) failWith(fake, error('UNAVAILABLE', 'stopping'));
  const before = counts(fakes).reduce((sum, count) => sum + count);
  await expect(spread.infer(sequence(1))).rejects.toThrow('stopping');
  expect(counts(fakes).reduce((sum, count) => sum + count)).toBe(before + 1);
});

test('a client that goes away says nothing about the server; one whose time is up does', async () => {
  const fakes = servers(2);
  await spread.look();
  for (const fake of fakes) {
    fake.models.simple_net = {
      ...exampleModels().simple_net!,
      run: (_inputs, { signal }) =>
        signal!.aborted
          ? Promise.reject(signal!.reason)
          : once(signal!, 'abort').then(() => Promise.reject(signal!.reason)),
    };
  }
  const aborted = async (reason: ConchError) => {
    const controller = new AbortController();
    const pending = spread.infer(request({ signal: controller.signal }));
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  };
  for (let index = 0; index < 20; index++) await aborted(new ConchError('REQUEST_CANCELLED', 'the client hung up'));
  expect(spread.endpoints.map(({ circuit }) => circuit.state)).toEqual(['closed', 'closed']);
  expect(spread.retried).toBe(0);
  for (let index = 0; index < 9; index++) await aborted(new ConchError('DEADLINE_EXCEEDED', 'no answer'));
  expect(spread.endpoints.map(({ circuit }) => circuit.state)).toContain('open');
});

test('when everything fails retries have an end', async () => {
  const fakes = servers(3, { circuit: { consecutiveFailures: 1e6 } });
  await spread.look();
  for (const fake of fakes) failWith(fake, error('UNAVAILABLE', 'Exceeds maximum queue size'));
  for (let index = 0; index < 1000; index++) await spread.infer(request()).catch(() => {});
  const sent = counts(fakes).reduce((sum, count) => sum + count);
  // A hundred at once and a fifth of the requests, where each could have been tried twice more.
  expect(sent).toBeLessThanOrEqual(1000 + 100 + 200);
  expect(sent).toBeGreaterThan(1100);
});
