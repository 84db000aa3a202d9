import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../../test/fake-engine.ts';
import { GrpcClient } from '../../../test/grpc-client.ts';
import { createLogger } from '../../base/index.ts';
import { type RunningServer, serveEngine } from '../index.ts';

let server: RunningServer;
let engine: FakeEngine;
let client: GrpcClient;
beforeAll(async () => {
  engine = new FakeEngine();
  const logger = createLogger('silent');
  server = await serveEngine(engine, { httpPort: 0, metricsPort: false, grpcPort: 0, version: '9.9', logger });
  client = new GrpcClient(server.grpcPort!);
});
afterAll(async () => {
  client.close();
  await server.close();
});

const row = Buffer.from(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).buffer);
const x = { name: 'x', datatype: 'FP32', shape: [1, 10] };
const sum = (more: object = {}) => ({ model_name: 'sum', inputs: [x], raw_input_contents: [row], ...more });
const one = (value: number) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], contents: { fp32_contents: [value] } }],
});
const floats = (bytes: unknown) => [...new Float32Array(Uint8Array.from(bytes as Uint8Array).buffer)];

test('health and metadata', async () => {
  expect(await client.call('ServerLive', {})).toMatchObject({ code: 0, messages: [{ live: true }] });
  expect(await client.call('ServerReady', {})).toMatchObject({ code: 0, messages: [{ ready: true }] });
  expect(await client.call('/grpc.health.v1.Health/Check', { service: 'any' })).toMatchObject({
    code: 0,
    messages: [{ status: 'SERVING' }],
  });
  expect(await client.call('ModelReady', { name: 'sum', version: '1' })).toMatchObject({ messages: [{ ready: true }] });
  expect(await client.call('ModelReady', { name: 'none' })).toMatchObject({
    code: 5,
    details: "no model 'none' is known",
  });
  expect(await client.call('ModelReady', { name: 'loading' })).toMatchObject({ code: 14 });
  const { messages } = await client.call('ServerMetadata', {});
  expect(messages[0]).toMatchObject({ name: 'triton', version: '9.9' });
  expect(messages[0]!.extensions).toContain('classification');
  expect((await client.call('ModelMetadata', { name: 'sum' })).messages[0]).toEqual({
    name: 'sum',
    versions: ['1'],
    platform: 'onnxruntime',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 10] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
  });
  expect((await client.call('ModelConfig', { name: 'sum' })).messages[0]).toMatchObject({
    config: { name: 'sum', max_batch_size: 8, input: [{ data_type: 'TYPE_FP32' }] },
  });
  expect(await client.call('ModelConfig', { name: 'none' })).toMatchObject({ code: 5 });
});

test('statistics, the repository and its control', async () => {
  expect((await client.call('ModelStatistics', {})).messages[0]!.model_stats).toHaveLength(2);
  expect((await client.call('ModelStatistics', { name: 'sum', version: '1' })).messages[0]).toMatchObject({
    model_stats: [{ name: 'sum', inference_count: 7, inference_stats: { success: { count: 5, ns: 7500000 } } }],
  });
  expect(await client.call('ModelStatistics', { name: 'none' })).toMatchObject({ code: 3 });
  const models = (await client.call('RepositoryIndex', {})).messages[0]!.models;
  expect(models).toContainEqual({ name: 'sum', version: '1', state: 'READY' });
  expect(models).toContainEqual({ name: 'loading', version: '1', state: 'LOADING' });
  expect((await client.call('RepositoryIndex', { ready: true })).messages[0]!.models).not.toContainEqual(
    expect.objectContaining({ state: 'LOADING' }),
  );
  for (const name of ['RepositoryIndex', 'RepositoryModelLoad', 'RepositoryModelUnload']) {
    expect(await client.call(name, { repository_name: 'r' })).toMatchObject({
      code: 12,
      details: "'repository_name' is not supported",
    });
  }
});

test('what a load and an unload may carry', async () => {
  const load = (parameters: object) => client.call('RepositoryModelLoad', { model_name: 'sum', parameters });
  expect(await load({ other: { string_param: 'x' } })).toMatchObject({
    code: 3,
    details: "a load takes the parameters 'config' and 'file:<path>', got 'other'",
  });
  expect(await load({ config: { bool_param: true } })).toMatchObject({
    code: 3,
    details: "parameter 'config' must be string_param, got bool_param",
  });
  expect(await load({ 'file:1/model.onnx': { string_param: '' } })).toMatchObject({
    code: 3,
    details: "parameter 'file:1/model.onnx' must be bytes_param, got string_param",
  });
  expect(
    await client.call('RepositoryModelUnload', {
      model_name: 'sum',
      parameters: { unload_dependents: { int64_param: 1 } },
    }),
  ).toMatchObject({ code: 3, details: "parameter 'unload_dependents' must be bool_param, got int64_param" });
});

test('settings are told, and not changed unless switched on', async () => {
  const trace = (await client.call('TraceSetting', {})).messages[0]!.settings;
  expect(trace).toMatchObject({ trace_level: { value: ['OFF'] }, trace_rate: { value: ['1000'] } });
  expect(await client.call('TraceSetting', { model_name: 'none' })).toMatchObject({ code: 5 });
  expect(await client.call('TraceSetting', { settings: { trace_rate: { value: ['5'] } } })).toMatchObject({ code: 12 });
  const log = (await client.call('LogSettings', {})).messages[0]!.settings;
  expect(log).toMatchObject({ log_info: { bool_param: false }, log_verbose_level: { uint32_param: 0 } });
  expect(await client.call('LogSettings', { settings: { log_info: { bool_param: true } } })).toMatchObject({
    code: 12,
  });
});

test('shared memory is switched off', async () => {
  expect(await client.call('SystemSharedMemoryStatus', {})).toMatchObject({ code: 0, messages: [{}] });
  expect(await client.call('CudaSharedMemoryStatus', {})).toMatchObject({ code: 0, messages: [{}] });
  expect(await client.call('SystemSharedMemoryStatus', { name: 'r' })).toMatchObject({ code: 5 });
  for (const name of ['SystemSharedMemoryRegister', 'SystemSharedMemoryUnregister']) {
    expect(await client.call(name, { name: 'r' })).toMatchObject({ code: 12 });
  }
  for (const name of ['CudaSharedMemoryRegister', 'CudaSharedMemoryUnregister']) {
    expect(await client.call(name, { name: 'r' })).toMatchObject({ code: 12 });
  }
});

test('inference, raw and typed', async () => {
  const { code, messages } = await client.call(
    'ModelInfer',
    sum({ id: 'r1', parameters: { k: { string_param: 'é' } } }),
  );
  expect(code).toBe(0);
  expect(messages[0]).toMatchObject({
    model_name: 'sum',
    model_version: '1',
    id: 'r1',
    parameters: { k: { string_param: 'é' } },
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 1] }],
  });
  expect((messages[0]!.raw_output_contents as Uint8Array[]).map(floats)).toEqual([[55]]);
  const typed = await client.call('ModelInfer', { model_name: 'echo', ...one(7) });
  expect((typed.messages[0]!.raw_output_contents as Uint8Array[]).map(floats)).toEqual([[7]]);
});

test('large tensors come back whole', async () => {
  const values = Float32Array.from({ length: 3_000_000 }, (_, index) => index);
  const { messages } = await client.call('ModelInfer', {
    model_name: 'echo',
    inputs: [{ ...x, shape: [1, values.length] }],
    raw_input_contents: [Buffer.from(values.buffer)],
  });
  const bytes = Uint8Array.from((messages[0]!.raw_output_contents as Uint8Array[])[0]!);
  expect(Buffer.from(bytes).equals(Buffer.from(values.buffer))).toBe(true);
});

test('classification', async () => {
  const { messages } = await client.call('ModelInfer', {
    model_name: 'classes',
    inputs: [{ ...x, shape: [1, 3], contents: { fp32_contents: [0.1, 0.7, 0.2] } }],
    outputs: [{ name: 'logits', parameters: { classification: { int64_param: 2 } } }],
  });
  expect(messages[0]!.outputs).toEqual([{ name: 'logits', datatype: 'BYTES', shape: [1, 2] }]);
  expect(String((messages[0]!.raw_output_contents as Uint8Array[])[0])).toBe(
    String(Buffer.from('\x13\0\0\x000.700000:1:negative\x12\0\0\x000.200000:2:neutral', 'latin1')),
  );
});

test.each([
  ['an unknown model', { model_name: 'none' }, 5, "no model 'none' is known"],
  ['an unknown version', sum({ model_version: '7' }), 5, "model 'sum' has no version 7"],
  ['an unknown model with bad contents', { model_name: 'none', inputs: [x] }, 5, "no model 'none' is known"],
  ['no data', { model_name: 'sum', inputs: [x] }, 3, /^input 'x' of model 'sum' has no data/],
  ['a full queue', { model_name: 'full', ...one(1) }, 14, "model 'full': its queue is full"],
  ['a defect', { model_name: 'broken', ...one(1) }, 13, 'internal error; the log has details'],
])('%s', async (_, request, code, details) => {
  expect(await client.call('ModelInfer', request)).toMatchObject({
    code,
    details: typeof details === 'string' ? details : expect.stringMatching(details),
  });
});

test('what is no message is an internal error, as in gRPC', async () => {
  expect(await client.send('ModelInfer', Uint8Array.of(10, 200))).toMatchObject({
    code: 13,
    details: expect.stringMatching(/^ModelInferRequest: /),
  });
  expect(await client.send('ModelReady', Uint8Array.of(10, 2, 0xc3, 0x28))).toMatchObject({ code: 13 });
});

test('a stream answers in order, and errors do not end it', async () => {
  const stream = client.stream();
  const slow = engine.nextEvent();
  stream.write({ model_name: 'slow', id: 'a', ...one(1) });
  await slow;
  stream.write({ ...sum(), id: 'b' });
  stream.write({ model_name: 'none', id: 'c' });
  stream.write({ model_name: 'counter', id: 'd', ...one(2) });
  await stream.until(2);
  expect(stream.messages.map(({ infer_response: response }) => (response as { id: string }).id)).toEqual(['d', 'd']);
  engine.release();
  const { code, messages } = await stream.end();
  expect(code).toBe(0);
  const final = { parameters: { triton_final_response: { bool_param: true } } };
  expect(messages.slice(2)).toEqual([
    { infer_response: expect.objectContaining({ id: 'a', ...final }) },
    { infer_response: expect.objectContaining({ id: 'b', ...final }) },
    { error_message: "no model 'none' is known", infer_response: { id: 'c' } },
  ]);
});

test('the empty final response of a decoupled model is shown when asked for', async () => {
  const stream = client.stream();
  stream.write({ model_name: 'counter', id: 'n', ...one(1) });
  const enable = { triton_enable_empty_final_response: { bool_param: true } };
  stream.write({ model_name: 'counter', id: 'e', model_version: '1', ...one(1), parameters: enable });
  const { messages } = await stream.end();
  const final = (value: boolean) => ({ triton_final_response: { bool_param: value } });
  expect(messages.map(({ infer_response: response }) => response)).toEqual([
    expect.objectContaining({ id: 'n', parameters: final(false) }),
    expect.objectContaining({ id: 'e', parameters: final(false) }),
    { id: 'e', model_name: 'counter', model_version: '1', parameters: final(true) },
  ]);
});

test('errors of inference end the stream where the client wants real statuses', async () => {
  const stream = client.stream({ triton_grpc_error: 'true' });
  stream.write({ ...sum(), id: 'a' });
  await stream.until(1);
  stream.write({ model_name: 'broken', id: 'b', ...one(1) });
  expect(await stream.outcome).toMatchObject({ code: 13, messages: [{ infer_response: { id: 'a' } }] });
  const kept = client.stream();
  kept.write({ model_name: 'broken', id: 'b', ...one(1) });
  expect(await kept.end()).toMatchObject({
    code: 0,
    messages: [
      {
        error_message: 'internal error; the log has details',
        infer_response: { id: 'b', model_name: 'broken', parameters: { triton_final_response: { bool_param: true } } },
      },
    ],
  });
});

test('a decoupled model cannot be called by ModelInfer on a real engine, but an unknown method never', async () => {
  const outcome = await new Promise<{ code: number; details: string }>((resolve) =>
    client.raw.makeUnaryRequest(
      '/inference.GRPCInferenceService/Nothing',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.alloc(0),
      (error) => resolve(error!),
    ),
  );
  expect(outcome).toMatchObject({ code: 12, details: "unknown method '/inference.GRPCInferenceService/Nothing'" });
});

test('a client that cancels frees its place', async () => {
  const arrived = engine.nextEvent();
  const stream = client.stream();
  stream.write({ model_name: 'slow', id: 'gone', ...one(1) });
  await arrived;
  const aborted = engine.nextEvent();
  stream.call.cancel();
  await aborted;
  expect(engine.aborted).toContain('gone');
});

test('a deadline that passes cancels the request', async () => {
  const aborted = (async () => {
    await engine.nextEvent();
    await engine.nextEvent();
  })();
  const outcome = await client.call('ModelInfer', { model_name: 'slow', id: 'late', ...one(1) }, { deadline: 60 });
  expect(outcome.code).toBe(4);
  await aborted;
  expect(engine.aborted).toContain('late');
});
