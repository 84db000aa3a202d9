import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from './index.ts';

let server: RunningServer;
beforeAll(async () => {
  const logger = createLogger('silent');
  server = await serveEngine(new FakeEngine(), { httpPort: 0, metricsPort: false, version: '9.9', logger });
});
afterAll(() => server.close());

const get = async (path: string) => {
  const { status, text, headers } = await call(server.url + path);
  return { status, body: text === '' ? '' : JSON.parse(text), type: headers['content-type'] };
};
const post = async (path: string, body = '') => {
  const { status, text, headers } = await call(server.url + path, { body });
  return { status, body: text === '' ? '' : JSON.parse(text), type: headers['content-type'] };
};

test('health has a status and no body', async () => {
  expect(await get('/v2/health/live')).toEqual({ status: 200, body: '', type: undefined });
  expect(await get('/v2/health/ready')).toEqual({ status: 200, body: '', type: undefined });
  expect(await get('/v2/models/sum/ready')).toMatchObject({ status: 200, body: '' });
  expect(await get('/v2/models/sum/versions/1/ready')).toMatchObject({ status: 200, body: '' });
  expect(await get('/v2/models/none/ready')).toMatchObject({
    status: 404,
    body: { error: "no model 'none' is known" },
  });
  expect(await get('/v2/models/sum/versions/2/ready')).toMatchObject({ status: 404 });
  expect(await get('/v2/models/loading/ready')).toMatchObject({
    status: 503,
    body: { error: "model 'loading' is not ready" },
  });
});

test('metadata and config', async () => {
  const { body } = await get('/v2');
  expect(body).toMatchObject({ name: 'triton', version: '9.9' });
  expect(body.extensions).toContain('binary_tensor_data');
  expect(await get('/v2/models/sum')).toEqual({
    status: 200,
    type: 'application/json',
    body: {
      name: 'sum',
      versions: ['1'],
      platform: 'onnxruntime',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 10] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    },
  });
  expect(await get('/v2/models/none')).toMatchObject({ status: 404 });
  expect(await get('/v2/models/sum/config')).toMatchObject({ status: 200, body: { name: 'sum', max_batch_size: 8 } });
  expect(await get('/v2/models/none/config')).toMatchObject({ status: 404 });
});

test('statistics call an unknown model an invalid argument', async () => {
  expect((await get('/v2/models/stats')).body.model_stats).toHaveLength(2);
  expect(await get('/v2/models/sum/versions/1/stats')).toMatchObject({
    status: 200,
    body: {
      model_stats: [{ name: 'sum', inference_count: 7, inference_stats: { success: { count: 5, ns: 7500000 } } }],
    },
  });
  expect(await get('/v2/models/none/stats')).toMatchObject({
    status: 400,
    body: { error: "no model 'none' is known" },
  });
  expect(await get('/v2/models/sum/versions/7/stats')).toMatchObject({ status: 400 });
});

test('the repository index lists all, or what is ready', async () => {
  const { status, body } = await post('/v2/repository/index');
  expect(status).toBe(200);
  expect(body).toContainEqual({ name: 'sum', version: '1', state: 'READY', reason: '' });
  expect(body).toContainEqual({ name: 'loading', version: '1', state: 'LOADING', reason: '' });
  const ready = await post('/v2/repository/index', '{"ready":true}');
  expect(ready.body.map(({ state }: { state: string }) => state)).not.toContain('LOADING');
  expect(await post('/v2/repository/any/index')).toMatchObject({ status: 200 });
  expect(await post('/v2/repository/index', '{"ready":1}')).toMatchObject({
    status: 400,
    body: { error: "'ready' must be true or false, got 1" },
  });
  expect(await post('/v2/repository/index', '{')).toMatchObject({
    status: 500,
    body: { error: 'request JSON: ends inside an object at byte 1' },
  });
  expect(await post('/v2/repository/index', '[]')).toMatchObject({
    status: 500,
    body: { error: 'request JSON: the body must be an object at byte 0' },
  });
});

test('models cannot be loaded or unloaded by request', async () => {
  expect(await post('/v2/repository/models/sum/load')).toMatchObject({
    status: 503,
    body: { error: "model 'sum' cannot be loaded or unloaded by request" },
  });
  expect(await post('/v2/repository/models/sum/unload', '{"parameters":{}}')).toMatchObject({ status: 503 });
  expect(await post('/v2/repository/models/sum/load', 'x')).toMatchObject({ status: 500 });
  expect(await post('/v2/repository/r/models/sum/load')).toMatchObject({
    status: 501,
    body: { error: "'repository_name' is not supported" },
  });
});

test('trace, logging and shared memory tell their state and refuse to change', async () => {
  const traced = { trace_level: ['OFF'], trace_rate: '1000', trace_count: '-1', trace_mode: 'triton' };
  expect(await get('/v2/trace/setting')).toMatchObject({ status: 200, body: traced });
  expect(await get('/v2/models/sum/trace/setting')).toMatchObject({ status: 200, body: traced });
  expect(await get('/v2/models/none/trace/setting')).toMatchObject({ status: 404 });
  expect((await get('/v2/logging')).body).toEqual({
    log_file: '',
    log_info: false,
    log_warning: false,
    log_error: false,
    log_verbose_level: 0,
    log_format: 'ISO8601',
  });
  expect(await post('/v2/logging', '{}')).toMatchObject({
    status: 501,
    body: {
      error: 'log settings cannot be changed by request: the server was started without --allow-log-settings=true',
    },
  });
  expect(await post('/v2/trace/setting', '{}')).toMatchObject({ status: 501 });
  expect(await get('/v2/systemsharedmemory/status')).toMatchObject({ status: 200, body: [] });
  expect(await get('/v2/cudasharedmemory/region/r/status')).toMatchObject({
    status: 404,
    body: { error: "no shared memory region 'r' is registered" },
  });
  expect(await post('/v2/systemsharedmemory/region/r/register', '{}')).toMatchObject({
    status: 501,
    body: {
      error: 'shared memory with clients is switched off: the server was started without --allow-client-shm=true',
    },
  });
});

test('unknown paths and wrong methods', async () => {
  expect(await get('/v2/nothing')).toEqual({ status: 404, body: { error: 'Not Found' }, type: 'application/json' });
  expect(await get('/v2/models/sum/versions/one')).toMatchObject({ status: 404 });
  const { status, headers, text } = await call(`${server.url}/v2/models/sum/infer`);
  expect([status, headers.allow, text]).toEqual([405, 'POST', '{"error":"Method Not Allowed"}']);
  expect((await call(`${server.url}/v2`, { method: 'HEAD' })).status).toBe(405);
});
