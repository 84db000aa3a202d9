import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { ConchError, createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from '../server/index.ts';
import { connect, decodeStrings, type InferenceClient, stringTensor } from './index.ts';

const logger = createLogger('silent');
let server: RunningServer;
let engine: FakeEngine;
let client: InferenceClient;
beforeAll(async () => {
  engine = new FakeEngine();
  server = await serveEngine(engine, { httpPort: 0, metricsPort: false, version: '1.2', logger });
  client = connect(server.url);
});
afterAll(async () => {
  await client.close();
  await server.close();
});

const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 10], data: new Float32Array(10).fill(0.5) };

describe('against a server', () => {
  test('health', async () => {
    expect(await client.isLive()).toBe(true);
    expect(await client.isReady()).toBe(true);
    expect(await client.isModelReady('sum')).toBe(true);
    expect(await client.isModelReady('sum', '1')).toBe(true);
    expect(await client.isModelReady('sum', '2')).toBe(false);
    expect(await client.isModelReady('loading')).toBe(false);
    expect(await client.isModelReady('no such/model')).toBe(false);
  });

  test('metadata, config, index, statistics', async () => {
    expect(await client.serverMetadata()).toMatchObject({ name: 'triton', version: '1.2' });
    expect((await client.modelMetadata('sum')).inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, 10] }]);
    expect(await client.modelConfig('sum', '1')).toMatchObject({ name: 'sum', max_batch_size: 8 });
    engine.config('pair').dynamic_batching = { max_queue_delay_microseconds: 2n ** 64n - 1n };
    const { dynamic_batching } = await client.modelConfig('pair');
    expect(dynamic_batching!.max_queue_delay_microseconds).toBe(2n ** 64n - 1n);
    expect(await client.index()).toContainEqual({ name: 'sum', version: '1', state: 'READY', reason: '' });
    expect((await client.statistics()).map(({ name }) => name)).toEqual(['sum', 'echo']);
    expect((await client.statistics('sum', '1'))[0]!.inference_stats.success).toEqual({ count: 5, ns: 7_500_000 });
  });

  test('inference with binary tensors', async () => {
    const response = await client.infer({ model: 'sum', version: '1', id: 'r1', inputs: [x] });
    expect(response).toMatchObject({ model: 'sum', version: '1', id: 'r1' });
    expect(response.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(5) }]);
  });

  test('inference with JSON, for reading along', async () => {
    const reader = connect(server.url, { tensors: 'json' });
    const { outputs } = await reader.infer({ model: 'echo', inputs: [x, stringTensor('t', [1, 1], ['5 €'])] });
    expect(outputs[0]).toEqual(x);
    expect(decodeStrings(outputs[1]!.data as Uint8Array)).toEqual(['5 €']);
    await reader.close();
  });

  test('large tensors come back whole', async () => {
    const data = Float32Array.from({ length: 300_000 }, (_, index) => index);
    const large = { name: 'x', datatype: 'FP32' as const, shape: [data.length], data };
    const { outputs } = await client.infer({ model: 'echo', inputs: [large] });
    const bytes = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    expect(bytes(outputs[0]!.data).equals(bytes(data))).toBe(true);
  });

  test('many calls at once share few connections', async () => {
    const few = connect(server.url, { maxConnections: 2 });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        few.infer({ model: 'sum', id: String(index), inputs: [{ ...x, data: new Float32Array(10).fill(index) }] }),
      ),
    );
    answers.forEach(({ id, outputs }, index) => {
      expect([id, outputs[0]!.data]).toEqual([String(index), Float32Array.of(10 * index)]);
    });
    await few.close();
  });

  test('a refusal carries the words and the status of the server', async () => {
    const refusal = client.infer({ model: 'none', inputs: [x] });
    await expect(refusal).rejects.toMatchObject({
      code: 'SERVER_ERROR',
      status: 'NOT_FOUND',
      message: `${server.url} answered 404 to POST /v2/models/none/infer: no model 'none' is known`,
    });
    await expect(client.infer({ model: 'full', inputs: [x] })).rejects.toMatchObject({ status: 'UNAVAILABLE' });
    await expect(client.infer({ model: 'broken', inputs: [x] })).rejects.toMatchObject({ status: 'INTERNAL' });
    await expect(client.modelMetadata('none')).rejects.toMatchObject({ code: 'SERVER_ERROR', status: 'NOT_FOUND' });
  });

  test('a cancelled call is cancelled on the server', async () => {
    const controller = new AbortController();
    const arrival = engine.nextEvent();
    const call = client.infer({ model: 'slow', id: 'c', inputs: [x], signal: controller.signal });
    await arrival;
    const aborted = engine.nextEvent();
    controller.abort();
    await expect(call).rejects.toMatchObject({
      code: 'REQUEST_CANCELLED',
      message: 'the request was cancelled by its caller',
    });
    await aborted;
    expect(engine.aborted).toContain('c');
    await expect(client.isLive(controller.signal)).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  });

  test("a caller's own reason for cancelling is kept", async () => {
    const signal = AbortSignal.abort(new ConchError('DEADLINE_EXCEEDED', 'no answer within 5 ms'));
    await expect(client.isLive(signal)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('a call has a deadline', async () => {
    const hasty = connect(server.url, { timeoutMs: 30 });
    await expect(hasty.infer({ model: 'slow', inputs: [x] })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: `${server.url} did not answer within 30 ms`,
    });
    await hasty.close();
  });
});

describe('against what is no proper server', () => {
  let listener: net.Server | undefined;
  afterEach(() => listener?.close());

  /** A TCP server that does with each connection what the test wants. */
  function listen(onConnection: (socket: net.Socket) => void): Promise<string> {
    return new Promise((resolve) => {
      listener = net.createServer(onConnection).listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(listener!.address() as AddressInfo).port}`);
      });
    });
  }
  const answer = (text: string) => (socket: net.Socket) => {
    socket.once('data', () => socket.end(text));
  };
  const failure = async (url: string, call = (target: InferenceClient) => target.isLive() as Promise<unknown>) => {
    const target = connect(url);
    try {
      return await call(target).then(
        () => 'no failure',
        (error: ConchError) => `${error.code}: ${error.message.replace(url, 'URL')}`,
      );
    } finally {
      await target.close();
    }
  };

  test('nothing there', async () => {
    const url = await listen(() => {});
    await new Promise((resolve) => listener!.close(resolve));
    expect(await failure(url)).toBe('SERVER_UNREACHABLE: cannot reach URL: nothing listens at that address');
    expect(await failure('http://no-such-host.invalid:1')).toBe(
      'SERVER_UNREACHABLE: cannot reach URL: the host name cannot be resolved',
    );
  });

  test('connections that break', async () => {
    const broken = 'SERVER_UNREACHABLE: cannot reach URL: the connection was closed before the answer was complete';
    expect(await failure(await listen((socket) => socket.destroy()))).toBe(broken);
    expect(await failure(await listen(answer('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')))).toBe(broken);
  });

  test('other protocols', async () => {
    expect(await failure(await listen((socket) => socket.end('SSH-2.0-OpenSSH\r\n')))).toBe(
      'SERVER_UNREACHABLE: cannot reach URL: what answers there does not speak HTTP',
    );
    const url = (await listen((socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))).replace('http:', 'https:');
    expect(await failure(url)).toBe('SERVER_UNREACHABLE: cannot reach URL: TLS failed');
  });

  test('other servers', async () => {
    const page = (status: string, body: string) =>
      answer(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const metadata = (target: InferenceClient) => target.serverMetadata();
    expect(await failure(await listen(page('200 OK', '<html>')), metadata)).toBe(
      'SERVER_ERROR: URL answered GET /v2 with something that is not JSON',
    );
    expect(await failure(await listen(page('500 Oops', '<h1>Oops</h1>')))).toBe(
      'SERVER_ERROR: URL answered 500 to GET /v2/health/live: <h1>Oops</h1>',
    );
    expect(await failure(await listen(page('302 Found', '')))).toBe(
      'SERVER_ERROR: URL answered 302 to GET /v2/health/live',
    );
    const infer = (target: InferenceClient) => target.infer({ model: 'm', inputs: [x] });
    expect(await failure(await listen(page('200 OK', '{"model_name":"m","outputs":[{}]}')), infer)).toBe(
      "SERVER_ERROR: response JSON: an output has no 'name' or no 'datatype' at byte 31",
    );
  });

  test('a kept connection that the server has closed is replaced once', async () => {
    let connections = 0;
    const url = await listen((socket) => {
      connections++;
      socket.on('error', () => {});
      let requests = 0;
      socket.on('data', () => {
        // The first request of a connection is answered, the second finds it closed.
        if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        else socket.resetAndDestroy();
      });
    });
    const target = connect(url);
    expect(await target.isLive()).toBe(true);
    expect(await target.isLive()).toBe(true);
    expect(connections).toBe(2);
    // A request of a sequence may have run; it is not sent again.
    const sequence = { id: 1, start: true, end: false };
    const second = target.infer({ model: 'm', inputs: [x], sequence });
    await expect(second).rejects.toThrow('the connection was closed before the answer was complete');
    expect(connections).toBe(2);
    await target.close();
  });
});

describe('an address', () => {
  test('may be given in several ways', () => {
    expect(connect('localhost:8000').url).toBe('http://localhost:8000');
    expect(connect('http://10.0.0.1:8000/').url).toBe('http://10.0.0.1:8000');
    expect(connect('https://gateway.example/triton/').url).toBe('https://gateway.example/triton');
    expect(connect('http://[::1]:8000').url).toBe('http://[::1]:8000');
    expect(connect('http://me:secret@host:1').url).toBe('http://host:1');
  });

  test.each([
    ['', "'' is not the address of a server"],
    ['http://', "'http://' is not the address of a server"],
    ['a b', "'a b' is not the address of a server"],
    ['http://host:99999', "'http://host:99999' is not the address of a server"],
    ['ftp://host', "'ftp://host' has the scheme 'ftp', which is not spoken here"],
  ])('%j is none', (url, message) => {
    expect(() => connect(url)).toThrow(expect.objectContaining({ code: 'USAGE', message }));
  });

  test('carries prefix, credentials and headers to the server', async () => {
    const seen: (string | undefined)[] = [];
    const gateway = http.createServer((request, response) => {
      seen.push(request.url, request.headers.authorization, request.headers['x-team'] as string);
      response.end();
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const { port } = gateway.address() as AddressInfo;
    const target = connect(`http://me:p%40ss@127.0.0.1:${port}/triton`, { headers: { 'X-Team': 'a' } });
    await target.isModelReady('a b', '3');
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(seen).toEqual(['/triton/v2/models/a%20b/versions/3/ready', basic, 'a']);
    await target.close();
    gateway.close();
  });
});
