import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { unzipSync } from 'node:zlib';
import { compressionAlgorithms, credentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { FakeEngine } from '../../../test/fake-engine.ts';
import { freePort } from '../../../test/free-port.ts';
import { GrpcClient, methodOf } from '../../../test/grpc-client.ts';
import { createLogger } from '../../base/index.ts';
import { frameOf } from '../../protocol/index.ts';
import { type ListenerOptions, parseRestriction, serveEngine } from '../index.ts';
import { flags, frame, frameTypes } from './h2/frames.ts';
import { callBlock, RawClient } from './h2/testing/raw-client.ts';

const logger = createLogger('silent');

async function start(options: ListenerOptions = {}, engine = new FakeEngine()) {
  const server = await serveEngine(engine, { httpPort: 0, metricsPort: false, grpcPort: 0, logger, ...options });
  const client = new GrpcClient(server.grpcPort!);
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, client, engine };
}

const one = (model: string, value = 1) => ({
  model_name: model,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], contents: { fp32_contents: [value] } }],
});

test('a port that is taken is named with its option', async () => {
  const { server } = await start();
  await expect(start({ grpcPort: server.grpcPort! })).rejects.toMatchObject({
    code: 'USAGE',
    fix: 'stop that program or choose another port with --grpc-port',
  });
});

test('while models load only health is answered', async () => {
  const engine = new FakeEngine({ holdStart: true });
  const port = await freePort();
  const starting = serveEngine(engine, { httpPort: 0, metricsPort: false, grpcPort: port, logger });
  const client = new GrpcClient(port);
  expect(await client.call('ServerLive', {})).toMatchObject({ messages: [{ live: true }] });
  expect((await client.call('ServerReady', {})).messages).toEqual([{}]);
  expect(await client.call('/grpc.health.v1.Health/Check', {})).toMatchObject({
    messages: [{ status: 'NOT_SERVING' }],
  });
  expect(await client.call('ModelInfer', one('echo'))).toMatchObject({
    code: 14,
    details: 'the server is still loading its models',
  });
  engine.finishLoading();
  const server = await starting;
  expect(await client.call('ServerReady', {})).toMatchObject({ messages: [{ ready: true }] });
  client.close();
  await server.close();
});

test('closing finishes what is under way, refuses what is new, and ends streams', async () => {
  const { server, client, engine } = await start();
  const arrived = engine.nextEvent();
  const slow = client.call('ModelInfer', one('slow', 7));
  await arrived;
  const idle = client.stream();
  idle.write(one('echo'));
  await idle.until(1);
  const closed = server.close();
  expect(await idle.outcome).toMatchObject({ code: 14, details: 'the server is shutting down' });
  engine.release();
  expect(await slow).toMatchObject({ code: 0 });
  await closed;
  expect((await client.call('ServerLive', {}, { deadline: 500 })).code).not.toBe(0);
});

test('what does not finish in time is cut off', async () => {
  const { server, client, engine } = await start({ exitTimeoutSecs: 0.05 });
  const arrived = engine.nextEvent();
  const slow = client.call('ModelInfer', one('slow'));
  await arrived;
  await server.close();
  expect((await slow).code).not.toBe(0);
  expect(engine.aborted).toHaveLength(1);
});

test('restricted protocols want their metadata', async () => {
  const group = parseRestriction('inference,model-config:admin=secret', '--grpc-restricted-protocol');
  const { client } = await start({ grpc: { restrictedProtocol: [group] } });
  const refused = {
    code: 14,
    details: "this protocol is restricted, it expects the metadata 'triton-grpc-protocol-admin'",
  };
  expect(await client.call('ModelInfer', one('echo'))).toMatchObject(refused);
  expect(await client.stream({ 'triton-grpc-protocol-admin': 'guess' }).end()).toMatchObject(refused);
  const metadata = { 'triton-grpc-protocol-admin': 'secret' };
  expect(await client.call('ModelInfer', one('echo'), { metadata })).toMatchObject({ code: 0 });
  expect(await client.call('ModelMetadata', { name: 'sum' })).toMatchObject({ code: 0 });
});

test('metadata that match become parameters', async () => {
  const { client, engine } = await start({ grpc: { headerForwardPattern: '^x-' } });
  const metadata = { 'x-tenant': 'a', other: 'b' };
  expect(await client.call('ModelInfer', one('echo'), { metadata })).toMatchObject({
    messages: [{ parameters: { 'x-tenant': { string_param: 'a' } } }],
  });
  expect(engine.requests.at(-1)!.parameters).toEqual(Object.assign(Object.create(null), { 'x-tenant': 'a' }));
  await expect(start({ grpc: { headerForwardPattern: '(' } })).rejects.toThrow(/^--grpc-header-forward-pattern: /);
});

test.each([
  ['low', 'gzip'],
  ['medium', 'deflate'],
  ['high', 'deflate'],
] as const)('responses of inference are compressed at level %s', async (compressionLevel, encoding) => {
  const { server, client } = await start({ grpc: { compressionLevel } });
  const stream = client.stream();
  for (let value = 0; value < 3; value++) stream.write({ ...one('echo', value), id: `${value}` });
  const { code, messages } = await stream.end();
  expect(code).toBe(0);
  expect(messages.map(({ infer_response: response }) => (response as { id: string }).id)).toEqual(['0', '1', '2']);

  const raw = RawClient.begin(server.grpcPort!);
  const accepts = [['grpc-accept-encoding', 'identity, deflate, gzip']] as const;
  const message = methodOf('ModelInfer').request.encode(one('echo'));
  raw.send(
    frame(frameTypes.headers, flags.endHeaders, 1, callBlock(methodOf('ModelInfer').path, accepts)),
    frame(frameTypes.data, flags.endStream, 1, Buffer.concat([frameOf(message.length), message])),
  );
  await raw.until(({ type, flags: flag }) => type === frameTypes.headers && (flag & flags.endStream) !== 0);
  const payload = Buffer.concat(raw.frames.flatMap((one) => (one.type === frameTypes.data ? [one.payload] : [])));
  expect(payload[0]).toBe(1);
  expect(methodOf('ModelInfer').response.decode(unzipSync(payload.subarray(5)))).toMatchObject({ model_name: 'echo' });
  expect(raw.headersOf(1)['grpc-encoding']).toBe(encoding);
  raw.destroy();
});

test('requests may be compressed', async () => {
  const { server } = await start();
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    const client = new GrpcClient(server.grpcPort!, { 'grpc.default_compression_algorithm': algorithm });
    const rows = new Array(10_000).fill(0.5);
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, rows.length], contents: { fp32_contents: rows } }];
    expect(await client.call('ModelInfer', { model_name: 'echo', inputs })).toMatchObject({ code: 0 });
    client.close();
  }
});

const pem = (name: string) => resolve(import.meta.dirname, `../../../test/fixtures/tls/${name}.pem`);
const files = { serverCert: pem('server'), serverKey: pem('server-key') };

test('TLS, and clients that must show a certificate', async () => {
  const { server } = await start({ grpc: { tls: files } });
  const ca = readFileSync(pem('ca'));
  const trusting = new GrpcClient(server.grpcPort!, {}, credentials.createSsl(ca));
  expect(await trusting.call('ModelInfer', one('echo'))).toMatchObject({ code: 0 });
  trusting.close();

  const mutual = await start({ grpc: { tls: { ...files, rootCert: pem('ca') } } });
  const port = mutual.server.grpcPort!;
  const nobody = new GrpcClient(port, {}, credentials.createSsl(ca));
  expect(await nobody.call('ServerLive', {})).toMatchObject({ code: 14 });
  nobody.close();
  const pair = [readFileSync(pem('client-key')), readFileSync(pem('client'))] as const;
  const known = new GrpcClient(port, {}, credentials.createSsl(ca, ...pair));
  expect(await known.call('ServerLive', {})).toMatchObject({ code: 0 });
  known.close();
});

test('an old connection is told to go', async () => {
  const { server } = await start({ grpc: { keepalive: { maxConnectionAgeMs: 20 } } });
  const client = RawClient.begin(server.grpcPort!);
  const { payload } = await client.until(({ type }) => type === frameTypes.goAway);
  expect([payload.readUInt32BE(4), payload.subarray(8).toString()]).toEqual([0, 'max_age']);
  client.destroy();
});

test('a silent connection is asked whether it is alive, and closed when it says nothing', async () => {
  const keepalive = { timeMs: 10, timeoutMs: 10, permitWithoutCalls: true };
  const { server } = await start({ grpc: { keepalive } });
  const client = RawClient.begin(server.grpcPort!);
  await client.until(({ type }) => type === frameTypes.ping);
  await client.untilClosed();
});
