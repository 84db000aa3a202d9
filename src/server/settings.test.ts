import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from './index.ts';

let folder: string;
let server: RunningServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conch-settings-'));
  writeFileSync(join(folder, 'object'), new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0).buffer));
  server = await serveEngine(new FakeEngine(), {
    httpPort: 0,
    metricsPort: false,
    logger: createLogger('silent'),
    allowTraceSettings: true,
    allowLogSettings: true,
    allowClientShm: true,
    sharedMemoryFolder: folder,
    trace: { file: join(folder, 'trace.json') },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function ask(path: string, body?: string) {
  const { status, text } = await call(server.url + path, body === undefined ? {} : { body });
  return [status, text === '' ? '' : JSON.parse(text)];
}

test('log settings are changed where that is switched on', async () => {
  expect(await ask('/v2/logging', '{"log_info":true,"log_verbose_level":1,"log_warning":null,"more":1}')).toEqual([
    200,
    { log_file: '', log_info: true, log_warning: false, log_error: false, log_verbose_level: 1, log_format: 'ISO8601' },
  ]);
  expect(await ask('/v2/logging', '{"log_info":false,"log_verbose_level":0}')).toMatchObject([
    200,
    { log_info: false },
  ]);
  expect(await ask('/v2/logging', '{"log_file":"x"}')).toMatchObject([501, {}]);
  expect(await ask('/v2/logging', '{"log_format":"x"}')).toMatchObject([400, {}]);
  expect(await ask('/v2/logging', '{"log_info":"x"}')).toEqual([
    500,
    { error: `'log_info' must be true or false, got "x"` },
  ]);
  expect(await ask('/v2/logging', '{"log_verbose_level":-1}')).toMatchObject([500, {}]);
  expect(await ask('/v2/logging', '')).toMatchObject([500, {}]);
});

test('trace settings are changed where that is switched on', async () => {
  const rate = await ask('/v2/models/sum/trace/setting', '{"trace_rate":"7"}');
  expect(rate).toMatchObject([200, { trace_rate: '7', trace_level: ['OFF'] }]);
  expect(await ask('/v2/trace/setting')).toMatchObject([200, { trace_rate: '1000' }]);
  expect(await ask('/v2/models/sum/trace/setting', '{"trace_rate":null}')).toMatchObject([200, { trace_rate: '1000' }]);
  expect(await ask('/v2/models/none/trace/setting', '{}')).toMatchObject([404, {}]);
  expect(await ask('/v2/trace/setting', '{"trace_rate":1}')).toEqual([
    500,
    { error: "'trace_rate' must be a string, got 1" },
  ]);
  expect(await ask('/v2/trace/setting', '{"trace_level":"OFF"}')).toMatchObject([500, {}]);
  expect(await ask('/v2/trace/setting', '{"trace_count":"-2"}')).toMatchObject([400, {}]);
  expect(await ask('/v2/trace/setting', '{"trace_file":"x"}')).toMatchObject([501, {}]);
  expect(await ask('/v2/trace/setting', '')).toMatchObject([500, {}]);
});

test('tensors come from and go to system shared memory', async () => {
  const at = '/v2/systemsharedmemory';
  expect(await ask(`${at}/region/r/register`, '{"key":"/object","byte_size":48}')).toEqual([200, '']);
  expect(await ask(`${at}/region/r/register`, '{"key":"/object","byte_size":48}')).toMatchObject([400, {}]);
  expect(await ask(`${at}/region/s/register`, '{"key":"/nothing","byte_size":48}')).toMatchObject([500, {}]);
  expect(await ask(`${at}/region/s/register`, '{"key":"/object"}')).toMatchObject([400, {}]);
  expect(await ask(`${at}/region/s/register`, '{"key":"/object","byte_size":"1"}')).toMatchObject([500, {}]);
  expect(await ask(`${at}/status`)).toEqual([200, [{ name: 'r', key: '/object', offset: 0, byte_size: 48 }]]);
  const shared = (byteSize: number, offset = 0) => ({
    parameters: {
      shared_memory_region: 'r',
      shared_memory_byte_size: byteSize,
      ...(offset && { shared_memory_offset: offset }),
    },
  });
  const input = { name: 'x', shape: [1, 10], datatype: 'FP32', ...shared(40) };
  const infer = (outputs: object[]) => ask('/v2/models/sum/infer', JSON.stringify({ inputs: [input], outputs }));
  expect(await infer([{ name: 'y', ...shared(4, 40) }])).toMatchObject([
    200,
    { outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 1] }] },
  ]);
  expect(readFileSync(join(folder, 'object')).readFloatLE(40)).toBe(55);
  expect(await infer([{ name: 'y', ...shared(3, 40) }])).toMatchObject([500, {}]);
  expect(await infer([{ name: 'y', ...shared(4, 48) }])).toMatchObject([400, {}]);
  expect(await ask(`${at}/region/r/unregister`, '')).toEqual([200, '']);
  expect(await infer([{ name: 'y' }])).toEqual([404, { error: "no shared memory region 'r' is registered" }]);
  expect(await ask(`${at}/region/unknown/unregister`, '')).toEqual([200, '']);
  expect(await ask(`${at}/unregister`, '')).toEqual([200, '']);
});

test('CUDA memory has nothing and takes nothing', async () => {
  const at = '/v2/cudasharedmemory';
  const register = (handle: string) =>
    ask(`${at}/region/c/register`, JSON.stringify({ raw_handle: { b64: handle }, device_id: 0, byte_size: 8 }));
  expect(await ask(`${at}/status`)).toEqual([200, []]);
  expect(await register(Buffer.alloc(64).toString('base64'))).toEqual([
    400,
    { error: "CUDA shared memory region 'c': this server runs without a GPU" },
  ]);
  expect(await register('AAAA')).toEqual([400, { error: "'raw_handle' must hold 64 bytes in base64, got 3" }]);
  expect(await ask(`${at}/unregister`, '')).toEqual([200, '']);
});
