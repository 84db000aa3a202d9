import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from './index.ts';

let server: RunningServer;
let engine: FakeEngine;
beforeAll(async () => {
  engine = new FakeEngine();
  server = await serveEngine(engine, {
    httpPort: 0,
    metricsPort: false,
    httpMaxInputSize: 10_000,
    maxRequestBytes: 100_000,
    logger: createLogger('silent'),
  });
});
afterAll(() => server.close());

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const json = (data: number[] = ten, more: object = {}) =>
  JSON.stringify({ inputs: [{ name: 'x', shape: [1, data.length], datatype: 'FP32', data }], ...more });
const post = (model: string, body: string | Uint8Array, headers: Record<string, string | number> = {}) =>
  call(`${server.url}/v2/models/${model}/infer`, { body, headers });
/** JSON text, then bytes, and the header that says where one ends. */
const framed = (header: object, binary: Uint8Array) => {
  const text = Buffer.from(JSON.stringify(header));
  return [Buffer.concat([text, binary]), { 'Inference-Header-Content-Length': text.length }] as const;
};

test('JSON in, JSON out', async () => {
  const { status, text, headers } = await post('sum', json(ten, { id: 'r1', parameters: { echoed: 'é' } }));
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json');
  expect(headers['inference-header-content-length']).toBeUndefined();
  expect(text).toBe(
    '{"id":"r1","model_name":"sum","model_version":"1","parameters":{"echoed":"é"},"outputs":[{"name":"y","datatype":"FP32","shape":[1,1],"data":[55.0]}]}',
  );
  expect((await call(`${server.url}/v2/models/sum/versions/1/infer`, { body: json() })).status).toBe(200);
});

test('binary in, binary out', async () => {
  const parameters = { binary_data_size: 40 };
  const [body, header] = framed(
    {
      inputs: [{ name: 'x', shape: [1, 10], datatype: 'FP32', parameters }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    },
    new Uint8Array(Float32Array.from(ten).buffer),
  );
  const { status, bytes, headers } = await post('sum', body, header);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/octet-stream');
  const length = Number(headers['inference-header-content-length']);
  expect(JSON.parse(bytes.subarray(0, length).toString()).outputs).toEqual([
    { name: 'y', datatype: 'FP32', shape: [1, 1], parameters: { binary_data_size: 4 } },
  ]);
  expect(bytes.subarray(length).readFloatLE()).toBe(55);
});

test('large binary answers come in order, whatever the number of writes', async () => {
  const values = Float32Array.from({ length: 20_000 }, (_, index) => index);
  const [body, header] = framed(
    {
      inputs: [{ name: 'x', shape: [20_000], datatype: 'FP32', parameters: { binary_data_size: 80_000 } }],
      parameters: { binary_data_output: true },
    },
    new Uint8Array(values.buffer),
  );
  const { bytes, headers } = await post('echo', body, header);
  const data = bytes.subarray(Number(headers['inference-header-content-length']));
  expect(new Float32Array(Uint8Array.from(data).buffer)).toEqual(values);
});

test('a raw request is the only input, and gets binary outputs', async () => {
  const { status, bytes, headers } = await post('sum', Buffer.from(Float32Array.from(ten).buffer), {
    'Inference-Header-Content-Length': 0,
  });
  expect(status).toBe(200);
  expect(bytes.subarray(Number(headers['inference-header-content-length'])).readFloatLE()).toBe(55);
  expect(engine.requests.at(-1)!.inputs[0]!.shape).toEqual([1, 10]);
  const text = await post('text', 'Gewinn', { 'Inference-Header-Content-Length': 0 });
  expect(text.bytes.subarray(Number(text.headers['inference-header-content-length'])).toString('latin1')).toBe(
    '\x06\0\0\0Gewinn',
  );
  const pair = await post('pair', 'xxxx', { 'Inference-Header-Content-Length': 0 });
  expect([pair.status, pair.text]).toEqual([
    400,
    `{"error":"model 'pair' has 2 inputs; a raw request needs a model with one"}`,
  ]);
});

test('classification replaces an output by its classes', async () => {
  const body = json([0.25, 3.5, -1], { outputs: [{ name: 'logits', parameters: { classification: 2 } }] });
  const { text } = await post('classes', body);
  expect(JSON.parse(text).outputs).toEqual([
    { name: 'logits', datatype: 'BYTES', shape: [1, 2], data: ['3.500000:1:negative', '0.250000:0:positive'] },
  ]);
  const off = await post(
    'classes',
    json([1, 2, 3], { outputs: [{ name: 'logits', parameters: { classification: 0 } }] }),
  );
  expect(JSON.parse(off.text).outputs[0].datatype).toBe('FP32');
});

test('requests may be compressed', async () => {
  expect((await post('sum', gzipSync(json()), { 'Content-Encoding': 'gzip' })).text).toContain('"data":[55.0]');
  expect((await post('sum', deflateSync(json()), { 'Content-Encoding': 'deflate' })).text).toContain('"data":[55.0]');
  expect((await post('sum', json(), { 'Content-Encoding': 'identity' })).status).toBe(200);
  const [body, header] = framed(
    { inputs: [{ name: 'x', shape: [1, 10], datatype: 'FP32', parameters: { binary_data_size: 40 } }] },
    new Uint8Array(40),
  );
  expect((await post('sum', gzipSync(body), { 'Content-Encoding': 'gzip', ...header })).status).toBe(200);

  const other = await post('sum', json(), { 'Content-Encoding': 'br' });
  expect([other.status, other.headers['accept-encoding'], other.text]).toEqual([
    501,
    'gzip, deflate',
    `{"error":"Content-Encoding 'br' is not supported"}`,
  ]);
  const bomb = await post('sum', gzipSync(' '.repeat(20_000)), { 'Content-Encoding': 'gzip' });
  expect([bomb.status, bomb.text]).toEqual([
    400,
    '{"error":"the gzip body unpacks to more than the limit of 10000 bytes"}',
  ]);
  const empty = await post('sum', '', { 'Content-Encoding': 'gzip' });
  expect([empty.status, empty.text]).toEqual([400, '{"error":"the gzip body is empty"}']);
});

test('answers are compressed where the client prefers it, errors never', async () => {
  const zipped = await post('sum', json(), { 'Accept-Encoding': 'deflate;q=0.5, gzip' });
  expect(zipped.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(zipped.bytes).toString()).toContain('"data":[55.0]');
  const flat = await post('sum', json(ten, { parameters: { binary_data_output: true } }), {
    'Accept-Encoding': 'deflate',
  });
  const plain = inflateSync(flat.bytes);
  const length = Number(flat.headers['inference-header-content-length']);
  expect(JSON.parse(plain.subarray(0, length).toString()).model_name).toBe('sum');
  expect(plain.subarray(length).readFloatLE()).toBe(55);
  const error = await post('none', json(), { 'Accept-Encoding': 'gzip' });
  expect(error.headers['content-encoding']).toBeUndefined();
});

test.each([
  ['an unknown model', 'none', json(), 404, "no model 'none' is known"],
  ['an unknown model, whatever the body', 'none', '{', 404, "no model 'none' is known"],
  ['an unready model', 'loading', json(), 503, "model 'loading' is not ready"],
  ['an unknown version', 'sum/versions/7', json(), 404, "model 'sum' has no version 7"],
  ['a full queue', 'full', json(), 503, "model 'full': its queue is full"],
  ['malformed JSON', 'sum', '{"inputs"', 500, "request JSON: expected ':' after 'inputs' at byte 9"],
  ['a contradiction', 'sum', json().replace('"data"', '"none"'), 400, "input 'x': needs one of 'data' and"],
  ['a wrong number of elements', 'sum', json().replace('[1,10]', '[1,11]'), 500, "'data' of tensor 'x' has 10"],
  ['a defect, without its details', 'broken', json(), 500, 'internal error; the log has details'],
])('%s is told so', async (_what, model, body, status, message) => {
  const answer = await post(model, body);
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json');
  const { error, ...rest } = JSON.parse(answer.text);
  expect(error).toContain(message);
  expect(rest).toEqual({});
});

test('the header length is checked', async () => {
  const answer = await post('sum', json(), { 'Inference-Header-Content-Length': 'x' });
  expect([answer.status, answer.text]).toEqual([
    400,
    `{"error":"Inference-Header-Content-Length must be a number of bytes, got 'x'"}`,
  ]);
  const long = await post('sum', json(), { 'Inference-Header-Content-Length': 5000 });
  expect([long.status, JSON.parse(long.text).error]).toEqual([
    400,
    `the inference header is said to be 5000 bytes long, the body has ${json().length}`,
  ]);
});

test('bodies are limited: JSON by one option, all by the other', async () => {
  const tooMuch = await post('sum', ' '.repeat(10_001));
  expect([tooMuch.status, tooMuch.text]).toEqual([
    400,
    '{"error":"the request body has 10001 bytes, the limit is 10000"}',
  ]);
  const input = { name: 'x', shape: [12_500], datatype: 'FP32', parameters: { binary_data_size: 50_000 } };
  const [body, header] = framed({ inputs: [input] }, new Uint8Array(50_000));
  expect((await post('echo', body, header)).status).toBe(200);
  const beyond = await post('echo', Buffer.concat([body, Buffer.alloc(60_000)]), header);
  expect(beyond.status).toBe(400);
  expect(beyond.text).toMatch(/the request body has \d+ bytes, the limit is 100000/);
});
