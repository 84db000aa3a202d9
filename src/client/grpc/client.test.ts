import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FakeEngine } from '../../../test/fake-engine.ts';
import { createLogger } from '../../base/index.ts';
import { type RunningServer, serveEngine } from '../../server/index.ts';
import { connect, decodeStrings, type InferenceClient, stringTensor } from '../index.ts';

let server: RunningServer;
let engine: FakeEngine;
let client: InferenceClient;
beforeAll(async () => {
  engine = new FakeEngine();
  const logger = createLogger('silent');
  server = await serveEngine(engine, { httpPort: 0, metricsPort: false, grpcPort: 0, version: '1.2', logger });
  client = connect(`grpc://127.0.0.1:${server.grpcPort}`);
});
afterAll(async () => {
  await client.close();
  await server.close();
});

const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 10], data: new Float32Array(10).fill(0.5) };

test('health', async () => {
  expect(await client.isLive()).toBe(true);
  expect(await client.isReady()).toBe(true);
  expect(await client.isModelReady('sum', '1')).toBe(true);
  expect(await client.isModelReady('sum', '2')).toBe(false);
  expect(await client.isModelReady('loading')).toBe(false);
});

test('metadata, config, index, statistics: the same as over HTTP', async () => {
  const http = connect(server.url);
  onTestFinished(() => http.close());
  expect(await client.serverMetadata()).toEqual(await http.serverMetadata());
  expect(await client.modelMetadata('sum')).toEqual(await http.modelMetadata('sum'));
  expect(await client.modelConfig('sum', '1')).toMatchObject({ name: 'sum', max_batch_size: 8 });
  expect(await client.index()).toContainEqual({ name: 'sum', version: '1', state: 'READY' });
  expect(await client.statistics('sum', '1')).toEqual(
    (await http.statistics('sum', '1')).map((one) => ({ response_stats: {}, ...one })),
  );
});

test('inference', async () => {
  const response = await client.infer({ model: 'sum', version: '1', id: 'r1', inputs: [x] });
  expect(response).toMatchObject({ model: 'sum', version: '1', id: 'r1' });
  expect(response.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(5) }]);
  const { outputs } = await client.infer({ model: 'echo', inputs: [x, stringTensor('t', [1, 1], ['5 €'])] });
  expect(decodeStrings(outputs[1]!.data as Uint8Array)).toEqual(['5 €']);
  const large = { ...x, shape: [1, 1_000_000], data: new Float32Array(1_000_000).fill(2) };
  expect((await client.infer({ model: 'echo', inputs: [large] })).outputs[0]).toEqual(large);
});

test('errors have the words and the status of the server', async () => {
  await expect(client.infer({ model: 'none', inputs: [x] })).rejects.toMatchObject({
    code: 'SERVER_ERROR',
    status: 'NOT_FOUND',
    message: `grpc://127.0.0.1:${server.grpcPort} answered status 5 to ModelInfer: no model 'none' is known`,
  });
  await expect(client.infer({ model: 'full', inputs: [x] })).rejects.toMatchObject({ status: 'UNAVAILABLE' });
});

test('a call that is cancelled, or late, is cancelled on the server too', async () => {
  const controller = new AbortController();
  let event = engine.nextEvent();
  const waiting = client.infer({ model: 'slow', id: 'c', inputs: [x], signal: controller.signal });
  await event;
  event = engine.nextEvent();
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  await event;
  expect(engine.aborted).toEqual(['c']);
  const hasty = connect(`grpc://127.0.0.1:${server.grpcPort}`, { timeoutMs: 30 });
  onTestFinished(() => hasty.close());
  await expect(hasty.infer({ model: 'slow', id: 'd', inputs: [x] })).rejects.toMatchObject({
    code: expect.stringMatching(/DEADLINE_EXCEEDED|SERVER_ERROR/),
    status: 'UNAVAILABLE',
  });
});

test('nobody there, and somebody else there', async () => {
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const stranger = connect(`grpc://127.0.0.1:${port}`);
  await expect(stranger.isLive()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  await new Promise((resolve) => other.close(resolve));
  await expect(stranger.isLive()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  await stranger.close();
});
