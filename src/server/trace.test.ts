import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, startServer } from './index.ts';

const mlp = resolve(import.meta.dirname, '../../test/fixtures/onnx/mlp.onnx');
const tensors = (output: string) => `max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
  output { name: "${output}" data_type: TYPE_FP32 dims: [ 1 ] }`;
const ensemble = `platform: "ensemble" ${tensors('y')}
  ensemble_scheduling { step { model_name: "mlp" model_version: -1
    input_map { key: "x" value: "x" } output_map { key: "prediction" value: "y" } } }`;
const infer = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 10], datatype: 'FP32', data: new Array(10).fill(1) }],
});

let folder: string;
let file: string;
let server: RunningServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conch-trace-'));
  file = join(folder, 'trace.json');
  const models = join(folder, 'models');
  mkdirSync(join(models, 'mlp/1'), { recursive: true });
  mkdirSync(join(models, 'both/1'), { recursive: true });
  cpSync(mlp, join(models, 'mlp/1/model.onnx'));
  writeFileSync(join(models, 'mlp/config.pbtxt'), `backend: "onnxruntime" ${tensors('prediction')}`);
  writeFileSync(join(models, 'both/config.pbtxt'), ensemble);
  server = await startServer({
    repository: models,
    httpPort: 0,
    metricsPort: false,
    threads: 1,
    logger: createLogger('silent'),
    allowTraceSettings: true,
    trace: { file },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => set({ trace_level: null, trace_rate: null, trace_count: null, log_frequency: null }));

async function set(settings: object, model?: string) {
  const path = model === undefined ? '/v2/trace/setting' : `/v2/models/${model}/trace/setting`;
  const { status, text } = await call(server.url + path, { body: JSON.stringify(settings) });
  expect(status, text).toBe(200);
}
const send = async (model: string) =>
  expect((await call(`${server.url}/v2/models/${model}/infer`, { body: infer })).status).toBe(200);

interface Element {
  id: number;
  model_name?: string;
  model_version?: number;
  parent_id?: number;
  timestamps?: { name: string; ns: number }[];
  activity?: string;
  tensor?: object;
}
const read = (path = file): Element[] => JSON.parse(readFileSync(path, 'utf8'));
/** The model of every trace of the file, in the file's order, once `count` are there. */
async function traced(count: number): Promise<string[]> {
  const models = () => read().flatMap(({ model_name }) => model_name ?? []);
  await expect.poll(() => models().length).toBe(count);
  return models();
}

test('nothing is traced until levels are set; then an ensemble with its steps, in order of time', async () => {
  await send('both');
  await set({ trace_level: ['TIMESTAMPS'], trace_rate: '1' });
  await send('both');
  expect(await traced(2)).toEqual(['mlp', 'both']);
  const elements = read();
  const [step, whole] = elements.filter(({ model_name }) => model_name);
  expect(step).toEqual({ id: step!.id, model_name: 'mlp', model_version: 1, parent_id: whole!.id });
  expect(whole).toEqual({ id: whole!.id, model_name: 'both', model_version: 1 });
  const stamps = (id: number) => elements.flatMap((one) => (one.id === id ? (one.timestamps ?? []) : []));
  expect(stamps(step!.id).map(({ name }) => name)).toEqual([
    'REQUEST_START',
    'QUEUE_START',
    'COMPUTE_START',
    'COMPUTE_INPUT_END',
    'COMPUTE_OUTPUT_START',
    'COMPUTE_END',
    'REQUEST_END',
  ]);
  expect(stamps(whole!.id).map(({ name }) => name)).toEqual([
    'HTTP_RECV_START',
    'HTTP_RECV_END',
    'REQUEST_START',
    'QUEUE_START',
    'REQUEST_END',
    'INFER_RESPONSE_COMPLETE',
    'HTTP_SEND_START',
    'HTTP_SEND_END',
  ]);
  for (const { id } of [step!, whole!]) {
    const times = stamps(id).map(({ ns }) => ns);
    expect(times.every(Number.isInteger)).toBe(true);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  }
});

test('every rate-th request is traced until count is used up; what remains is told', async () => {
  const before = read().filter(({ model_name }) => model_name).length;
  await set({ trace_level: ['TIMESTAMPS'], trace_rate: '3', trace_count: '2' });
  for (let index = 0; index < 4; index += 1) await send('mlp');
  expect(await traced(before + 1)).toHaveLength(before + 1);
  const { text } = await call(`${server.url}/v2/trace/setting`);
  expect(JSON.parse(text)).toMatchObject({ trace_rate: '3', trace_count: '1' });
  for (let index = 0; index < 8; index += 1) await send('mlp');
  expect(await traced(before + 2)).toHaveLength(before + 2);
});

test('a model has settings of its own, tensors are traced where asked for, files change by frequency', async () => {
  await set({ trace_level: ['TENSORS'], trace_rate: '1', log_frequency: '2' }, 'mlp');
  for (let index = 0; index < 3; index += 1) await send('mlp');
  const models = (path: string) => read(path).flatMap(({ model_name }) => model_name ?? []);
  await expect
    .poll(() =>
      readdirSync(folder)
        .filter((name) => /^trace\.json\.\d$/.test(name))
        .sort(),
    )
    .toHaveLength(2);
  await expect.poll(() => models(`${file}.0`)).toEqual(['mlp', 'mlp']);
  await expect.poll(() => models(`${file}.1`)).toEqual(['mlp']);
  const elements = read(`${file}.1`);
  expect(elements.every(({ timestamps }) => timestamps === undefined)).toBe(true);
  expect(elements.filter(({ activity }) => activity).map(({ activity, tensor }) => [activity, tensor])).toEqual([
    ['TENSOR_QUEUE_INPUT', { name: 'x', data: '1,1,1,1,1,1,1,1,1,1', shape: '1,10', dtype: 'FP32' }],
    ['TENSOR_BACKEND_OUTPUT', { name: 'prediction', data: expect.any(String), shape: '1,1', dtype: 'FP32' }],
  ]);
  await set({ trace_level: null, trace_rate: null, log_frequency: null }, 'mlp');
});

test('generate is traced too', async () => {
  const before = read().filter(({ model_name }) => model_name).length;
  await set({ trace_level: ['TIMESTAMPS'], trace_rate: '1' });
  const body = JSON.stringify({ x: new Array(10).fill(1) });
  expect((await call(`${server.url}/v2/models/mlp/generate`, { body })).status).toBe(200);
  expect(await traced(before + 1)).toHaveLength(before + 1);
});

test('levels without a file are refused before anything is served', async () => {
  const options = { repository: join(folder, 'models'), httpPort: 0, metricsPort: false } as const;
  await expect(startServer({ ...options, trace: { levels: ['TIMESTAMPS'] } })).rejects.toMatchObject({
    message: 'nothing can be traced: the server was started without a trace file',
    fix: 'start it with --trace-config=triton,file=PATH',
  });
});
