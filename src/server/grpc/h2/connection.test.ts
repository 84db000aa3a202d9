import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../../../test/fake-engine.ts';
import { createLogger } from '../../../base/index.ts';
import { encodeModelInferRequest, frameOf } from '../../../protocol/index.ts';
import { type RunningServer, serveEngine } from '../../index.ts';
import { errorCodes, flags, frame, numbers, preface, frameTypes as types } from './frames.ts';
import { encodeBlock } from './hpack.ts';
import { callBlock, RawClient } from './testing/raw-client.ts';

let server: RunningServer;
let engine: FakeEngine;
beforeAll(async () => {
  engine = new FakeEngine();
  const logger = createLogger('silent');
  server = await serveEngine(engine, {
    httpPort: 0,
    metricsPort: false,
    grpcPort: 0,
    maxRequestBytes: 100_000,
    logger,
  });
});
afterAll(() => server.close());

const live = '/inference.GRPCInferenceService/ServerLive';
const infer = '/inference.GRPCInferenceService/ModelInfer';
const begin = (settings?: Uint8Array) => RawClient.begin(server.grpcPort!, settings);
const headers = (id: number, block: Uint8Array, flag: number = flags.endHeaders) =>
  frame(types.headers, flag, id, block);
const message = (...parts: Uint8Array[]) => {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([frameOf(bytes.length), bytes]);
};
const data = (id: number, bytes: Uint8Array, flag: number = flags.endStream) => frame(types.data, flag, id, bytes);
const ended = (id: number) => (one: { type: number; flags: number; stream: number }) =>
  one.stream === id && one.type === types.headers && (one.flags & flags.endStream) !== 0;
const echo = (size: number) =>
  message(
    ...encodeModelInferRequest({
      model: 'echo',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, size], data: new Float32Array(size).fill(1) }],
    }),
  );

/** One good call, to see that the connection is alive. */
async function works(client: RawClient, id: number): Promise<void> {
  client.send(headers(id, callBlock(live)), data(id, message()));
  await client.until(ended(id));
  expect(client.headersOf(id)).toMatchObject({ ':status': '200', 'grpc-status': '0' });
}

test('a call: headers, one message, trailers', async () => {
  const client = begin();
  await works(client, 1);
  const answer = client.frames.filter(({ stream }) => stream === 1);
  expect(answer.map(({ type }) => type)).toEqual([types.headers, types.data, types.headers]);
  expect([...answer[1]!.payload]).toEqual([0, 0, 0, 0, 2, 8, 1]);
  expect(client.headersOf(1)['content-type']).toBe('application/grpc');
  client.destroy();
});

test('whatever the pieces, padding, priorities and continuations that it comes in', async () => {
  const client = begin();
  const block = callBlock(live);
  const padded = Buffer.concat([Buffer.of(3), numbers(0), Buffer.of(16), block.subarray(0, 5), Buffer.alloc(3)]);
  const bytes = Buffer.concat([
    headers(1, padded, flags.padded | flags.priority),
    frame(types.continuation, 0, 1, block.subarray(5, 20)),
    frame(types.continuation, flags.endHeaders, 1, block.subarray(20)),
    frame(types.priority, 0, 3, Buffer.alloc(5)),
    frame(0x42, 7, 1, Buffer.from('unknown frames are ignored')),
    data(1, Buffer.concat([Buffer.of(2), message().subarray(0, 3), Buffer.alloc(2)]), flags.padded),
    data(1, message().subarray(3), 0),
    data(1, Buffer.alloc(0)),
  ]);
  for (const byte of bytes) client.send(Buffer.of(byte));
  await client.until(ended(1));
  expect(client.headersOf(1)).toMatchObject({ 'grpc-status': '0' });
  // Trailers of the client end its side, too.
  client.send(headers(3, callBlock(live)), data(3, message(), 0));
  client.send(headers(3, encodeBlock([['a', 'b']]), flags.endHeaders | flags.endStream));
  await client.until(ended(3));
  client.destroy();
});

test('PING and SETTINGS are answered', async () => {
  const client = begin();
  client.send(frame(types.ping, 0, 0, Buffer.from('12345678')));
  const pong = await client.until(({ type, flags: flag }) => type === types.ping && (flag & flags.ack) !== 0);
  expect(pong.payload.toString()).toBe('12345678');
  expect(client.frames.filter(({ type, flags: flag }) => type === types.settings && flag & flags.ack)).toHaveLength(1);
  client.destroy();
});

test('an answer waits for the windows of the client', async () => {
  const small = Buffer.alloc(6);
  small.writeUInt16BE(4, 0);
  small.writeUInt32BE(100, 2);
  const client = begin(small);
  client.send(headers(1, callBlock(infer)), data(1, echo(1000)));
  await client.until(({ type, stream }) => type === types.data && stream === 1);
  const received = () =>
    client.frames
      .filter(({ type, stream }) => type === types.data && stream === 1)
      .reduce((total, { payload }) => total + payload.length, 0);
  await works(client, 3);
  expect(received()).toBe(100);
  client.send(frame(types.windowUpdate, 0, 1, numbers(50)));
  await works(client, 5);
  expect(received()).toBe(150);
  // A larger initial window counts for streams that are open.
  const larger = Buffer.from(small);
  larger.writeUInt32BE(100_000, 2);
  client.send(frame(types.settings, 0, 0, larger));
  await client.until(ended(1));
  expect(received()).toBeGreaterThan(4000);
  client.destroy();
});

test('the window of the connection holds back all streams, and lets them go', async () => {
  const wide = Buffer.alloc(6);
  wide.writeUInt16BE(4, 0);
  wide.writeUInt32BE(1_000_000, 2);
  const client = begin(wide);
  const body = echo(12_000);
  const pieces = (id: number) => {
    const frames: Buffer[] = [headers(id, callBlock(infer))];
    for (let at = 0; at < body.length; at += 16_000)
      frames.push(data(id, body.subarray(at, at + 16_000), at + 16_000 < body.length ? 0 : flags.endStream));
    return Buffer.concat(frames);
  };
  client.send(pieces(1), pieces(3));
  const received = () =>
    client.frames.filter(({ type }) => type === types.data).reduce((total, { payload }) => total + payload.length, 0);
  while (received() < 65_535) await client.until(() => received() >= 65_535);
  expect(received()).toBe(65_535);
  client.send(frame(types.windowUpdate, 0, 0, numbers(100_000)));
  await client.until(ended(1));
  await client.until(ended(3));
  client.destroy();
});

test.each([
  [
    'a GET',
    encodeBlock([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', live],
    ]),
    '405',
  ],
  [
    'another content type',
    encodeBlock([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', live],
      ['content-type', 'text/html'],
    ]),
    '415',
  ],
  ['too many headers', callBlock(live, [['x', 'x'.repeat(16_300)]]), '431'],
])('%s gets an HTTP status', async (_, block, status) => {
  const client = begin();
  const rest = block.subarray(16_000);
  client.send(
    headers(1, block.subarray(0, 16_000), rest.length > 0 ? flags.endStream : flags.endStream | flags.endHeaders),
  );
  if (rest.length > 0) client.send(frame(types.continuation, flags.endHeaders, 1, rest));
  const text = await client.until(({ type, stream }) => type === types.data && stream === 1);
  expect(text.flags & flags.endStream).not.toBe(0);
  expect(text.payload.toString()).toBe('this port speaks gRPC: POST with content-type application/grpc\n');
  expect(client.headersOf(1)[':status']).toBe(status);
  await works(client, 3);
  client.destroy();
});

const badWindow = Buffer.alloc(6);
badWindow.writeUInt16BE(4, 0);
badWindow.writeUInt32BE(2 ** 31, 2);
const long = callBlock(live, [['x', 'y'.repeat(200)]]);

test.each<[string, Buffer, number]>([
  ['a frame beyond the size', frame(types.data, 0, 1, Buffer.alloc(16_385)), errorCodes.frameSize],
  ['DATA on stream 0', data(0, message()), errorCodes.protocol],
  ['DATA on a stream that was never opened', data(1, message()), errorCodes.protocol],
  ['HEADERS on an even stream', headers(2, callBlock(live)), errorCodes.protocol],
  [
    'a header block that is interrupted',
    Buffer.concat([headers(1, long, 0), frame(types.ping, 0, 0, Buffer.alloc(8))]),
    errorCodes.protocol,
  ],
  ['CONTINUATION of nothing', frame(types.continuation, 4, 1, long), errorCodes.protocol],
  [
    'headers without end',
    Buffer.concat([
      headers(1, long, 0),
      ...Array.from({ length: 600 }, () => frame(types.continuation, 0, 1, Buffer.alloc(0))),
    ]),
    errorCodes.enhanceYourCalm,
  ],
  ['a broken header block', headers(1, Buffer.of(0xbe)), errorCodes.compression],
  [
    'padding longer than the frame',
    frame(types.headers, flags.padded | flags.endHeaders, 1, Buffer.of(9, 0x82)),
    errorCodes.protocol,
  ],
  ['RST_STREAM on no stream', frame(types.rstStream, 0, 9, numbers(8)), errorCodes.protocol],
  ['a short RST_STREAM', frame(types.rstStream, 0, 1, Buffer.alloc(3)), errorCodes.frameSize],
  ['WINDOW_UPDATE of 0', frame(types.windowUpdate, 0, 0, numbers(0)), errorCodes.protocol],
  ['a window beyond 2^31', frame(types.windowUpdate, 0, 0, numbers(2 ** 31 - 1)), errorCodes.flowControl],
  ['a short PING', frame(types.ping, 0, 0, Buffer.alloc(7)), errorCodes.frameSize],
  ['PING on a stream', frame(types.ping, 0, 1, Buffer.alloc(8)), errorCodes.protocol],
  ['PRIORITY on stream 0', frame(types.priority, 0, 0, Buffer.alloc(5)), errorCodes.protocol],
  ['SETTINGS on a stream', frame(types.settings, 0, 1, Buffer.alloc(0)), errorCodes.protocol],
  ['cut SETTINGS', frame(types.settings, 0, 0, Buffer.alloc(5)), errorCodes.frameSize],
  ['an acknowledgement with content', frame(types.settings, 1, 0, Buffer.alloc(6)), errorCodes.frameSize],
  ['an initial window beyond 2^31', frame(types.settings, 0, 0, badWindow), errorCodes.flowControl],
  ['ENABLE_PUSH 2', frame(types.settings, 0, 0, Buffer.of(0, 2, 0, 0, 0, 2)), errorCodes.protocol],
  ['MAX_FRAME_SIZE 1', frame(types.settings, 0, 0, Buffer.of(0, 5, 0, 0, 0, 1)), errorCodes.protocol],
  ['a push', frame(types.pushPromise, 4, 1, Buffer.alloc(4)), errorCodes.protocol],
])('%s ends the connection', async (_, bytes, code) => {
  const client = begin();
  client.send(bytes);
  expect(await client.untilClosed()).toBe(code);
});

test('what is no HTTP/2 at all ends the connection', async () => {
  const client = new RawClient(server.grpcPort!);
  client.send(Buffer.from('GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n'));
  expect(await client.untilClosed()).toBe(errorCodes.protocol);
  const eager = new RawClient(server.grpcPort!);
  eager.send(preface, frame(types.ping, 0, 0, Buffer.alloc(8)));
  expect(await eager.untilClosed()).toBe(errorCodes.protocol);
});

const request: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', live],
  ['content-type', 'application/grpc'],
];
const without = (name: string) => encodeBlock(request.filter(([one]) => one !== name));
const and = (...more: [string, string][]) => encodeBlock([...request, ...more]);

test.each([
  ['a name in upper case', and(['X-Name', '1'])],
  ['an unknown pseudo-header', encodeBlock([[':test', 'x'], ...request])],
  ["a response's pseudo-header", encodeBlock([[':status', '200'], ...request])],
  ['a pseudo-header after a header', and([':authority', 'x'])],
  ['a pseudo-header twice', encodeBlock([[':method', 'POST'], ...request])],
  ['no method', without(':method')],
  ['no scheme', without(':scheme')],
  ['no path', without(':path')],
  ['an empty path', encodeBlock([[':path', ''], ...request.filter(([name]) => name !== ':path')])],
  ["a connection's header", and(['connection', 'keep-alive'])],
  ['another te', and(['te', 'gzip'])],
  ['a content-length that is not kept', and(['content-length', '1'])],
])('%s resets the stream', async (_, block) => {
  const client = begin();
  client.send(headers(1, block), data(1, message()));
  const reset = await client.until(({ type, stream }) => type === types.rstStream && stream === 1);
  expect(reset.payload.readUInt32BE()).toBe(errorCodes.protocol);
  await works(client, 3);
  client.destroy();
});

test('trailers end a request, and are no second beginning', async () => {
  const client = begin();
  client.send(headers(1, callBlock(live)), data(1, message(), 0));
  client.send(headers(1, encodeBlock([['x', '1']]), flags.endHeaders | flags.endStream));
  await client.until(ended(1));
  expect(client.headersOf(1)).toMatchObject({ 'grpc-status': '0' });
  client.send(headers(3, callBlock(infer)), headers(3, callBlock(infer), flags.endHeaders | flags.endStream));
  const reset = await client.until(({ type, stream }) => type === types.rstStream && stream === 3);
  expect(reset.payload.readUInt32BE()).toBe(errorCodes.protocol);
  client.destroy();
});

test.each([
  ['DATA after its end', data(1, message()), errorCodes.streamClosed],
  ['HEADERS after its end', headers(1, callBlock(live)), errorCodes.streamClosed],
  ['PRIORITY on itself', frame(types.priority, 0, 1, Buffer.from([0, 0, 0, 1, 5])), errorCodes.protocol],
])('on a stream that is closed, %s ends the connection', async (_, bytes, code) => {
  const client = begin();
  await works(client, 1);
  client.send(bytes);
  expect(await client.untilClosed()).toBe(code);
});

test('a stream error leaves the others alone', async () => {
  const client = begin();
  client.send(headers(1, callBlock(infer)), frame(types.windowUpdate, 0, 1, numbers(0)));
  const reset = await client.until(({ type, stream }) => type === types.rstStream && stream === 1);
  expect(reset.payload.readUInt32BE()).toBe(errorCodes.protocol);
  await works(client, 3);
  client.send(headers(5, callBlock(infer), flags.endHeaders | flags.endStream));
  await client.until(ended(5));
  expect(client.headersOf(5)).toMatchObject({
    'grpc-status': '13',
    'grpc-message': 'the call ended without a request message',
  });
  // Frames that cross with the end of a stream mean nothing.
  client.send(frame(types.rstStream, 0, 5, numbers(8)), frame(types.windowUpdate, 0, 5, numbers(9)));
  client.send(data(1, message()), headers(1, callBlock(live)));
  await works(client, 7);
  client.destroy();
});

test('a message that is too large, cut off or badly framed', async () => {
  const client = begin();
  client.send(headers(1, callBlock(infer)), data(1, frameOf(100_001), 0));
  await client.until(ended(1));
  expect(client.headersOf(1)).toMatchObject({
    'grpc-status': '8',
    'grpc-message': 'the message has 100001 bytes, the limit is 100000',
  });
  client.send(headers(3, callBlock(infer)), data(3, frameOf(10)));
  await client.until(ended(3));
  expect(client.headersOf(3)).toMatchObject({ 'grpc-status': '13', 'grpc-message': 'the call ended amid a message' });
  client.send(headers(5, callBlock(infer)), data(5, Buffer.of(7, 0, 0, 0, 0)));
  await client.until(ended(5));
  expect(client.headersOf(5)['grpc-status']).toBe('13');
  client.send(headers(7, callBlock(infer)), data(7, Buffer.concat([frameOf(1, true), Buffer.of(1)])));
  await client.until(ended(7));
  expect(client.headersOf(7)['grpc-message']).toBe("a message is compressed, but the call has no 'grpc-encoding'");
  const bomb = [['grpc-encoding', 'gzip']] as const;
  client.send(headers(9, callBlock(infer, bomb)), data(9, Buffer.concat([frameOf(1, true), Buffer.of(1)])));
  await client.until(ended(9));
  expect(client.headersOf(9)['grpc-message']).toMatch(/^the gzip body cannot be unpacked/);
  client.send(
    headers(11, callBlock(infer, [['grpc-encoding', 'snappy']])),
    data(11, Buffer.concat([frameOf(1, true), Buffer.of(1)])),
  );
  await client.until(ended(11));
  expect(client.headersOf(11)['grpc-status']).toBe('12');
  client.destroy();
});

test('a client that goes away, or resets, frees its place', async () => {
  const slow = message(
    ...encodeModelInferRequest({
      model: 'slow',
      id: 'reset',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(1) }],
    }),
  );
  const client = begin();
  let event = engine.nextEvent();
  client.send(headers(1, callBlock(infer)), data(1, slow));
  await event;
  event = engine.nextEvent();
  client.send(frame(types.rstStream, 0, 1, numbers(errorCodes.cancel)));
  await event;
  expect(engine.aborted).toEqual(['reset']);
  event = engine.nextEvent();
  client.send(headers(3, callBlock(infer)), data(3, slow));
  await event;
  event = engine.nextEvent();
  client.destroy();
  await event;
  expect(engine.aborted).toEqual(['reset', 'reset']);
});

test('opening and resetting streams without end comes to one', async () => {
  const client = begin();
  const block = callBlock(infer);
  const storm: Buffer[] = [];
  for (let id = 1; id < 40_000; id += 2) storm.push(headers(id, block), frame(types.rstStream, 0, id, numbers(8)));
  client.send(...storm);
  expect(await client.untilClosed()).toBe(errorCodes.enhanceYourCalm);
});

test('answers that nobody takes are not kept without end', async () => {
  const narrow = Buffer.alloc(6);
  narrow.writeUInt16BE(4, 0);
  const client = begin(narrow);
  // The limit on a message is 100,000 here; three answers of 40,000 bytes are more than that together.
  for (const id of [1, 3, 5]) {
    client.send(headers(id, callBlock(infer)));
    const body = echo(10_000);
    for (let at = 0; at < body.length; at += 16_000)
      client.send(data(id, body.subarray(at, at + 16_000), at + 16_000 < body.length ? 0 : flags.endStream));
  }
  const { payload } = await client.until(({ type }) => type === types.rstStream);
  expect(payload.readUInt32BE()).toBe(errorCodes.enhanceYourCalm);
  client.destroy();
});

test('pings that come too fast are strikes', async () => {
  const client = begin();
  for (let index = 0; index < 10; index++) client.send(frame(types.ping, 0, 0, Buffer.alloc(8)));
  expect(await client.untilClosed()).toBe(errorCodes.enhanceYourCalm);
});
