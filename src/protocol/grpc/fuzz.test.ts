import { expect, test } from 'vitest';
import { type Random, seededIntegers } from '../../../test/random.ts';
import { ConchError, type ErrorCode } from '../../base/index.ts';
import { bytesOf, encodeBytes, type Tensor } from '../../tensor/index.ts';
import { FrameReader, frameOf } from './frames.ts';
import { toInferenceRequest } from './infer-request-decode.ts';
import { encodeModelInferRequest } from './infer-request-encode.ts';
import { readModelInferRequest } from './infer-request-read.ts';
import { decodeModelInferResponse, decodeStreamResponse, encodeStreamResponse } from './infer-response.ts';
import { messageCodec } from './messages.ts';

/** FUZZ_ROUNDS=1000000 FUZZ_SEED=7 npx vitest run src/protocol/grpc/fuzz.test.ts runs longer or elsewhere. */
const rounds = Number(process.env.FUZZ_ROUNDS ?? 30_000);
const seed = Number(process.env.FUZZ_SEED ?? 1);

const x: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 3], data: Float32Array.of(1, 2, 3) };
const t: Tensor = { name: 't', datatype: 'BYTES', shape: [2], data: encodeBytes(['a', 'bc']) };
const response = { model: 'm', version: '1', id: 'é', outputs: [x, t], parameters: { k: 1.5 } };
const messages = [
  Buffer.concat(encodeModelInferRequest({ model: 'm', id: 'é', inputs: [x, t], outputs: [{ name: 'y' }] })),
  Buffer.concat(
    encodeModelInferRequest({
      model: 'm',
      inputs: [],
      parameters: { a: 'b' },
      sequence: { id: 5, start: true, end: true },
    }),
  ),
  Buffer.from(
    messageCodec('ModelInferRequest').encode({
      model_name: 'm',
      inputs: [
        { name: 'i', datatype: 'INT64', shape: [2], contents: { int64_contents: [-1, 5] } },
        { name: 'b', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from('zz')] } },
      ],
    }),
  ),
  Buffer.concat(encodeStreamResponse(response)),
];
const tokens = [
  [0],
  [0x80],
  [0xff, 0xff, 0xff, 0xff, 15],
  [0x0b],
  [0x0c],
  [10, 0],
  [58, 200],
  [0xc3, 0x28],
  [26, 1, 255],
];
const allowed = new Set<ErrorCode>(['REQUEST_MALFORMED', 'REQUEST_INVALID', 'REQUEST_TOO_LARGE', 'SERVER_ERROR']);

function mutate(random: Random): Buffer {
  let bytes = Buffer.from(messages[random(messages.length)]!);
  for (let edits = random(4); edits >= 0; edits--) {
    const at = random(bytes.length + 1);
    const token = Buffer.from(tokens[random(tokens.length)]!);
    switch (random(5)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(at)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + random(6)))]);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        if (at < bytes.length) bytes[at] = random(256);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), messages[random(messages.length)]!.subarray(at)]);
    }
  }
  return bytes;
}

function survive(read: () => unknown, bytes: Uint8Array): void {
  try {
    read();
  } catch (error) {
    const fine = error instanceof ConchError && allowed.has(error.code) && error.message.length < 500;
    if (!fine) throw new Error(`bytes ${Buffer.from(bytes).toString('hex')}: ${error}`, { cause: error });
  }
}

test(`${rounds} mutated messages: a request or response, or a proper error`, () => {
  const random = seededIntegers(seed);
  for (let round = 0; round < rounds; round++) {
    const bytes = mutate(random);
    survive(() => {
      const { inputs } = toInferenceRequest(readModelInferRequest(bytes));
      for (const input of inputs) expect(bytesOf(input).length).toBeLessThanOrEqual(8 * bytes.length);
    }, bytes);
    survive(() => decodeModelInferResponse(bytes), bytes);
    survive(() => decodeStreamResponse(bytes), bytes);
  }
});

test('frames come out whole, however the bytes are cut', () => {
  const random = seededIntegers(seed);
  for (let round = 0; round < 500; round++) {
    const sent = Array.from({ length: 1 + random(5) }, () => Buffer.alloc(random(40), random(256)));
    const stream = Buffer.concat(sent.flatMap((message) => [frameOf(message.length), message]));
    const reader = new FrameReader(1000);
    const got: Buffer[] = [];
    for (let at = 0; at < stream.length; ) {
      const next = Math.min(stream.length, at + 1 + random(round % 2 ? 4 : 30));
      for (const { message } of reader.push(stream.subarray(at, next))) got.push(Buffer.from(message));
      at = next;
    }
    expect(got).toEqual(sent);
    expect(reader.amid).toBe(false);
  }
});

test('frames are bounded and well formed', () => {
  expect(() => new FrameReader(10).push(frameOf(11))).toThrow('the message has 11 bytes, the limit is 10');
  expect(() => new FrameReader(10).push(Uint8Array.of(2, 0, 0, 0, 0))).toThrow('begins with flag 2, not 0 or 1');
  const reader = new FrameReader(2 ** 32);
  // 4 GiB announced and two bytes sent take two bytes.
  expect(reader.push(Uint8Array.of(0, 255, 255, 255, 255, 1, 2))).toEqual([]);
  expect(reader.amid).toBe(true);
});
