import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from '../server/index.ts';
import { connect, decodeStrings, SharedRegion, stringTensor, type TritonClient } from './index.ts';

// One interface: what stands here holds over both wires.
let server: RunningServer;
let engine: FakeEngine;
beforeAll(async () => {
  engine = new FakeEngine();
  server = await serveEngine(engine, {
    httpPort: 0,
    metricsPort: false,
    grpcPort: 0,
    logger: createLogger('silent'),
    allowClientShm: true,
    allowTraceSettings: true,
    allowLogSettings: true,
    trace: { file: '/dev/null' },
  });
});
afterAll(() => server.close());

const fp32 = (name: string, shape: number[], ...values: number[]) => ({
  name,
  datatype: 'FP32' as const,
  shape,
  data: Float32Array.from(values),
});
const linux = process.platform === 'linux';

describe.each(['http', 'grpc'] as const)('over %s', (scheme) => {
  let client: TritonClient;
  const address = () => (scheme === 'http' ? server.url : `grpc://127.0.0.1:${server.grpcPort}`);
  beforeAll(() => {
    client = connect(address());
  });
  afterAll(() => client.close());

  test('a stream gives every response of a decoupled model, typed', async () => {
    const got: unknown[] = [];
    for await (const { model, outputs } of client.stream({
      model: 'counter',
      id: 's',
      inputs: [fp32('x', [1, 1], 3)],
    })) {
      got.push([model, ...outputs]);
    }
    expect(got).toEqual([0, 1, 2].map((value) => ['counter', fp32('y', [1, 1], value)]));
  });

  test('a stream of a model that is not decoupled has one response', async () => {
    const got: unknown[] = [];
    for await (const { outputs } of client.stream({
      model: 'sum',
      inputs: [fp32('x', [1, 10], ...Array(10).fill(2))],
    })) {
      got.push(...outputs);
    }
    expect(got).toEqual([fp32('y', [1, 1], 20)]);
  });

  test('a stream that fails throws the words and the status of the server', async () => {
    const drain = async (model: string) => {
      for await (const _ of client.stream({ model, inputs: [fp32('x', [1, 1], 1)] }));
    };
    await expect(drain('none')).rejects.toMatchObject({ code: 'SERVER_ERROR', message: /no model 'none'/ });
    await expect(drain('full')).rejects.toMatchObject({ code: 'SERVER_ERROR', message: /its queue is full/ });
    await expect(drain('broken')).rejects.toMatchObject({ code: 'SERVER_ERROR', status: 'INTERNAL' });
  });

  test('leaving a stream, a signal and a deadline cancel it on the server', async () => {
    const request = (id: string) => ({ model: 'slow', id, inputs: [fp32('x', [1, 1], 1)] });
    const controller = new AbortController();
    let event = engine.nextEvent();
    const first = client
      .stream({ ...request('s1'), signal: controller.signal })
      [Symbol.asyncIterator]()
      .next();
    await event;
    event = engine.nextEvent();
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    await event;
    event = engine.nextEvent();
    const second = client
      .stream({ ...request('s2'), timeoutMs: 50 })
      [Symbol.asyncIterator]()
      .next();
    second.catch(() => {});
    await event;
    event = engine.nextEvent();
    await expect(second).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await event;
    expect(engine.aborted.slice(-2)).toEqual(['s1', 's2']);
    const counting = client.stream({ model: 'counter', inputs: [fp32('x', [1, 1], 3)] });
    for await (const _ of counting) break;
    // Nothing is left open that would hold up the next call.
    expect(await client.isLive()).toBe(true);
  });

  test('generate, one response and many', async () => {
    expect(await client.generate('echo', { x: [1, 2], id: 'g €' })).toMatchObject({ id: 'g €', x: [1, 2] });
    const got: unknown[] = [];
    for await (const { y } of client.generateStream('counter', { x: 2 })) got.push(y);
    expect(got).toEqual([0, 1]);
    await expect(client.generate('counter', { x: 2 })).rejects.toMatchObject({
      code: 'SERVER_ERROR',
      message: /exactly one/,
    });
    await expect(client.generate('sum', { x: [1] })).rejects.toMatchObject({ message: /1 values do not fill shape/ });
    await expect(client.generate('sum', { x: 1n })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('a deadline of a call, and of a signal', async () => {
    const request = { model: 'slow', inputs: [fp32('x', [1, 1], 1)] };
    await expect(client.infer({ ...request, timeoutMs: 30 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(client.infer({ ...request, signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  test('loading and unloading, with what stands in for the repository', async () => {
    const loads: unknown[] = [];
    const { load, unload } = engine;
    onTestFinished(() => void Object.assign(engine, { load, unload }));
    Object.assign(engine, {
      load: async (...given: unknown[]) => void loads.push(given),
      unload: async (...given: unknown[]) => void loads.push(given),
    });
    // Longer than one piece of base64, and no whole number of threes.
    const file = Uint8Array.from({ length: 100_001 }, (_, index) => index);
    await client.loadModel('m');
    await client.loadModel('m', { config: { backend: 'onnxruntime' }, files: { '1/model.onnx': file } });
    await client.unloadModel('m', { dependents: true });
    const [plain, overridden, unloaded] = loads as [
      [string, object],
      [string, { config: string; files: Map<string, Uint8Array> }],
      unknown[],
    ];
    expect(plain).toEqual(['m', { config: undefined, files: new Map() }]);
    expect(JSON.parse(overridden[1].config)).toMatchObject({ backend: 'onnxruntime' });
    expect(Buffer.compare(overridden[1].files.get('1/model.onnx')!, file)).toBe(0);
    expect(unloaded).toEqual(['m', { dependents: true }]);
    Object.assign(engine, { load, unload });
    await expect(client.loadModel('m')).rejects.toMatchObject({ code: 'SERVER_ERROR', status: 'UNAVAILABLE' });
  });

  test('trace and log settings', async () => {
    expect(await client.traceSettings()).toMatchObject({ trace_level: ['OFF'], trace_rate: '1000' });
    const changed = await client.updateTraceSettings({ trace_rate: '7', trace_level: ['TIMESTAMPS'] }, 'sum');
    expect(changed).toMatchObject({ trace_level: ['TIMESTAMPS'], trace_rate: '7' });
    expect(await client.traceSettings('sum')).toEqual(changed);
    expect(await client.updateTraceSettings({ trace_rate: null, trace_level: null }, 'sum')).toMatchObject({
      trace_rate: '1000',
    });
    expect(await client.logSettings()).toMatchObject({ log_verbose_level: 0, log_format: 'ISO8601' });
    expect(await client.updateLogSettings({ log_verbose_level: 1, log_warning: false })).toMatchObject({
      log_verbose_level: 1,
      log_warning: false,
    });
    await client.updateLogSettings({ log_verbose_level: 0, log_warning: true });
    await expect(client.updateLogSettings({ log_format: 'no such' })).rejects.toMatchObject({ code: 'SERVER_ERROR' });
  });

  test.skipIf(!linux)('tensors in shared memory, both ways', async () => {
    using region = SharedRegion.create(`both-${scheme}`, 8192);
    await client.systemSharedMemory.register(region.name, region);
    expect(await client.systemSharedMemory.status(region.name)).toEqual([
      { name: region.name, key: region.key, offset: 0, byte_size: 8192 },
    ]);
    const x = fp32('x', [1, 10], ...Array(10).fill(3));
    const t = stringTensor('t', [1, 2], ['5 €', '']);
    const shared = [region.write(x), region.write(t)];
    const response = await client.infer({
      model: 'echo',
      inputs: shared,
      outputs: [region.place('x', 64), region.place('t', 1000)],
    });
    expect(response.outputs).toEqual([]);
    const [first, second] = response.sharedOutputs!.map((output) => region.read(output));
    expect(first).toEqual(x);
    expect(decodeStrings(second!.data as Uint8Array)).toEqual(['5 €', '']);
    // One in the message, one in shared memory.
    const mixed = await client.infer({ model: 'echo', inputs: [x, shared[1]!], outputs: [{ name: 'x' }] });
    expect(mixed.outputs).toContainEqual(x);
    await client.systemSharedMemory.unregister(region.name);
    await expect(client.infer({ model: 'echo', inputs: shared })).rejects.toMatchObject({ status: 'NOT_FOUND' });
    await client.systemSharedMemory.unregister();
    expect(await client.systemSharedMemory.status()).toEqual([]);
  });

  test('compressed both ways', async () => {
    const small = connect(address(), { requestCompression: 'gzip', responseCompression: true });
    onTestFinished(() => small.close());
    const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 100_000], data: new Float32Array(100_000).fill(0.5) };
    const { outputs } = await small.infer({ model: 'echo', inputs: [x] });
    expect(
      Buffer.from(outputs[0]!.data.buffer, outputs[0]!.data.byteOffset, 400_000).equals(Buffer.from(x.data.buffer)),
    ).toBe(true);
    for await (const response of small.stream({ model: 'sum', inputs: [fp32('x', [1, 10], ...Array(10).fill(1))] })) {
      expect(response.outputs[0]!.data).toEqual(Float32Array.of(10));
    }
  });
});

test('deflate is for HTTP', async () => {
  expect(() => connect('grpc://h', { requestCompression: 'deflate' })).toThrow("'deflate' is not for gRPC");
  const client = connect(server.url, { requestCompression: 'deflate' });
  onTestFinished(() => client.close());
  const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 1000], data: new Float32Array(1000).fill(0.5) };
  expect((await client.infer({ model: 'echo', inputs: [x] })).outputs[0]).toEqual(x);
});

describe('compression as it is on the wire', () => {
  let gateway: Server;
  const seen: Record<string, unknown>[] = [];
  beforeAll(async () => {
    gateway = createServer((request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      request.on('end', () => {
        seen.push({ coding: request.headers['content-encoding'], accept: request.headers['accept-encoding'], length });
        response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(request.url === '/v2' ? 'not gzip' : '');
      });
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void gateway.close());

  test('what is small goes as it is; what cannot be unpacked is an error of the server', async () => {
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const client = connect(url, { requestCompression: 'gzip', responseCompression: true });
    onTestFinished(() => client.close());
    expect(await client.isLive()).toBe(true);
    await expect(client.serverMetadata()).rejects.toMatchObject({
      code: 'SERVER_ERROR',
      message: /cannot be unpacked/,
    });
    const infer = (length: number) =>
      client
        .infer({ model: 'm', inputs: [{ ...fp32('x', [length]), data: new Float32Array(length) }] })
        .catch(() => {});
    await infer(10);
    await infer(10_000);
    expect(seen.map(({ coding }) => coding)).toEqual([undefined, undefined, undefined, 'gzip']);
    expect(seen[3]!.length).toBeLessThan(1000);
    expect(seen.every(({ accept }) => accept === 'gzip, deflate')).toBe(true);
  });
});

test('what HTTP cannot stream is refused before it is sent', async () => {
  const client = connect(server.url);
  onTestFinished(() => client.close());
  const drain = async (input: object, more: object = {}) => {
    for await (const _ of client.stream({ model: 'sum', inputs: [input as never], ...more }));
  };
  await expect(drain(fp32('x', [10], ...Array(10)))).rejects.toThrow('the server would take [10] for [1,10]');
  await expect(drain(fp32('z', [1], 1))).rejects.toThrow("the model has no input 'z'; it has 'x'");
  const sequence = { id: 1, start: true, end: true };
  await expect(drain(fp32('x', [1, 10], ...Array(10)), { sequence })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
});

describe.skipIf(!linux)('a shared memory region', () => {
  test('keeps its bounds, and goes when closed', () => {
    const region = SharedRegion.create('bounds', 256, { key: `/conch-test-${process.pid}` });
    expect(existsSync(`/dev/shm/conch-test-${process.pid}`)).toBe(true);
    expect(() => SharedRegion.create('bounds', 256, { key: region.key })).toThrow(/EEXIST/);
    const first = region.write(fp32('a', [2], 1, 2));
    const second = region.write(fp32('b', [1], 3));
    expect([first.sharedMemory.offset, second.sharedMemory.offset]).toEqual([0, 64]);
    expect(region.read(second)).toEqual(fp32('b', [1], 3));
    expect(() => region.place('y', 200)).toThrow(
      "output 'y': 200 bytes at 128 do not fit region 'bounds' of 256 bytes",
    );
    region.reuse();
    expect(region.place('y', 200).sharedMemory!.offset).toBe(0);
    expect(() => region.read({ ...first, shape: [3] })).toThrow("tensor 'a' has 12 bytes, its place 8");
    expect(() => region.read({ ...first, sharedMemory: { region: 'other', offset: 0, byteSize: 8 } })).toThrow(
      "lies in region 'other'",
    );
    region.close();
    region.close();
    expect(existsSync(`/dev/shm/conch-test-${process.pid}`)).toBe(false);
    expect(() => region.write(fp32('a', [1], 1))).toThrow("'bounds' is closed");
  });

  test.each([
    ['/', 8],
    ['a/b', 8],
    ['..', 8],
    ['ok', 0],
    ['ok', 1.5],
  ])('key %j of %d bytes is refused', (key, byteSize) => {
    expect(() => SharedRegion.create('r', byteSize, { key })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
