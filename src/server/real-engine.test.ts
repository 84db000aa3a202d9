import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { connect, type InferenceClient } from '../client/index.ts';
import { createTensor } from '../tensor/index.ts';
import { type RunningServer, startServer } from './index.ts';

const fixtures = resolve(import.meta.dirname, '../../test/fixtures/onnx');
const types = 'BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING'.split(' ');
const onnxNames: Record<string, string> = { FP16: 'float16', FP32: 'float', FP64: 'double' };
const identities = types
  .map((type) => {
    const name = onnxNames[type] ?? type.toLowerCase();
    return ['input { name: "in_', 'output { name: "out_']
      .map((start) => `${start}${name}" data_type: TYPE_${type} dims: [ 2 ] }`)
      .join('\n');
  })
  .join('\n');
const mlp = `
  backend: "onnxruntime" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
  output { name: "prediction" data_type: TYPE_FP32 dims: [ 1 ] label_filename: "labels.txt" }
`;

let folder: string;
let server: RunningServer;
let client: InferenceClient;

async function addModel(name: string, fixture: string | undefined, config: string): Promise<void> {
  await mkdir(join(folder, name, '1'), { recursive: true });
  await writeFile(join(folder, name, 'config.pbtxt'), config);
  await writeFile(join(folder, name, 'labels.txt'), 'score\n');
  if (fixture) await cp(join(fixtures, `${fixture}.onnx`), join(folder, name, '1', 'model.onnx'));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-server-'));
  await addModel('mlp', 'mlp', mlp);
  await addModel('identities', 'identities', `backend: "onnxruntime" max_batch_size: 4 ${identities}`);
  await addModel('hollow', undefined, mlp);
  server = await startServer({
    repository: folder,
    httpPort: 0,
    metricsPort: 0,
    threads: 1,
    exitOnError: false,
    logger: createLogger('silent'),
  });
  client = connect(server.url);
});
afterAll(async () => {
  await client?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

test('a model that cannot load is listed with its reason and keeps the server from ready', async () => {
  expect(await client.isLive()).toBe(true);
  expect(await client.isReady()).toBe(false);
  expect(await client.isModelReady('mlp')).toBe(true);
  expect(await client.isModelReady('hollow')).toBe(false);
  const hollow = (await client.index()).find(({ name }) => name === 'hollow');
  expect(hollow).toMatchObject({ state: 'UNAVAILABLE', reason: expect.stringContaining('model.onnx') });
});

test('tensors of every data type go through JSON and binary alike', async () => {
  const { inputs } = await client.modelMetadata('identities');
  const json = inputs
    .filter(({ datatype }) => datatype !== 'FP16')
    .map(({ name, datatype }) => {
      const data = datatype === 'BOOL' ? [true, false] : datatype === 'BYTES' ? ['ä', ''] : [1, 0];
      return { name, datatype, shape: [1, 2], data };
    });
  json.push({ name: 'in_float16', datatype: 'FP16', shape: [1, 2], parameters: { binary_data_size: 4 } } as never);
  const text = Buffer.from(
    JSON.stringify({
      inputs: json,
      outputs: json.map(({ name }) => ({
        name: name.replace('in_', 'out_'),
        parameters: { binary_data: name === 'in_float16' },
      })),
    }),
  );
  const body = Buffer.concat([text, Uint8Array.of(0, 0x3c, 0, 0)]);
  const headers = { 'Inference-Header-Content-Length': text.length };
  const answer = await call(`${server.url}/v2/models/identities/infer`, { body, headers });
  expect(answer.status, answer.text).toBe(200);
  const length = Number(answer.headers['inference-header-content-length']);
  const { outputs } = JSON.parse(answer.bytes.subarray(0, length).toString());
  const sent = json.map(({ name, ...rest }) => ({ ...rest, name: name.replace('in_', 'out_') }));
  expect(outputs).toEqual(sent);
  expect([...answer.bytes.subarray(length)]).toEqual([0, 0x3c, 0, 0]);
});

test('classes carry the labels of the label file', async () => {
  const x = createTensor('x', 'FP32', [2, 10], new Float32Array(20));
  const { outputs } = await client.infer({
    model: 'mlp',
    inputs: [x],
    outputs: [{ name: 'prediction', classification: 1 }],
  });
  expect(outputs[0]).toMatchObject({ datatype: 'BYTES', shape: [2, 1] });
  expect(new TextDecoder().decode(outputs[0]!.data)).toMatch(/^.{4}-?\d+\.\d{6}:0:score/s);
});

const x = { name: 'x', shape: [1, 10], datatype: 'FP32', data: new Array(10).fill(1) };
test.each([
  ['an unknown input', { inputs: [{ ...x, name: 'z' }] }, 400],
  ['too few inputs', { inputs: [] }, 400],
  ['too many inputs', { inputs: [x, { ...x, name: 'z' }] }, 400],
  ['the same input twice', { inputs: [x, x] }, 400],
  ['another data type', { inputs: [{ ...x, datatype: 'FP64' }] }, 400],
  ['an unknown data type', { inputs: [{ ...x, datatype: 'FLOAT' }] }, 400],
  ['another shape', { inputs: [{ ...x, shape: [10, 1] }] }, 400],
  ['no batch dimension', { inputs: [{ ...x, shape: [10] }] }, 400],
  ['too large a batch', { inputs: [{ ...x, shape: [9, 10], data: new Array(90).fill(0) }] }, 400],
  ['an unknown output', { inputs: [x], outputs: [{ name: 'y' }] }, 400],
  ['the same output twice', { inputs: [x], outputs: [{ name: 'prediction' }, { name: 'prediction' }] }, 400],
  ['too few elements', { inputs: [{ ...x, data: [1] }] }, 500],
  ['a negative dimension', { inputs: [{ ...x, shape: [-1, 10] }] }, 500],
  ['no inputs', {}, 500],
  ['a reserved parameter', { inputs: [x], parameters: { triton_x: 1 } }, 400],
])('%s is refused with the status that Triton gives it', async (_what, request, status) => {
  const answer = await call(`${server.url}/v2/models/mlp/infer`, { body: JSON.stringify(request) });
  expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(/^\{"error":"[^\n]{10,}"\}$/)]);
});

test('a raw request finds its shape in the configuration', async () => {
  const body = new Uint8Array(Float32Array.from(x.data).buffer);
  const headers = { 'Inference-Header-Content-Length': 0 };
  const raw = await call(`${server.url}/v2/models/mlp/infer`, { body, headers });
  const json = await call(`${server.url}/v2/models/mlp/infer`, { body: JSON.stringify({ inputs: [x] }) });
  const length = Number(raw.headers['inference-header-content-length']);
  expect(raw.bytes.subarray(length).readFloatLE()).toBe(JSON.parse(json.text).outputs[0].data[0]);
});

test('what was served shows in statistics and metrics', async () => {
  const before = (await client.statistics('mlp'))[0]!.inference_count;
  const rows = createTensor('x', 'FP32', [3, 10], new Float32Array(30));
  await client.infer({ model: 'mlp', inputs: [rows] });
  const [statistics] = await client.statistics('mlp', '1');
  expect(statistics!.inference_count).toBe(before + 3);
  const { text } = await call(`http://127.0.0.1:${server.metricsPort}/metrics`);
  expect(text).toContain(`nv_inference_count{model="mlp",version="1"} ${before + 3}\n`);
  expect(text).toMatch(/^nv_inference_request_failure\{model="mlp",reason="OTHER",version="1"\} \d+$/m);
});
