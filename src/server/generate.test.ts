import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, serveEngine } from './index.ts';

let server: RunningServer;
beforeAll(async () => {
  server = await serveEngine(new FakeEngine(), { httpPort: 0, metricsPort: false, logger: createLogger('silent') });
});
afterAll(() => server.close());

const post = async (path: string, body: string | Uint8Array, headers = {}) => {
  const { status, text, headers: got } = await call(`${server.url}/v2/models/${path}`, { body, headers });
  return { status, text, type: got['content-type'] };
};
const ten = JSON.stringify({ id: 'r', x: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], extra: 'e' });
const answer = '{"extra":"e","id":"r","model_name":"sum","model_version":"1","y":55.0}';

test('generate takes and returns plain JSON', async () => {
  expect(await post('sum/generate', ten)).toEqual({ status: 200, text: answer, type: 'application/json' });
  expect(await post('sum/versions/1/generate', ten)).toMatchObject({ status: 200 });
});

test('generate_stream returns server-sent events', async () => {
  expect(await post('sum/generate_stream', ten)).toEqual({
    status: 200,
    text: `data: ${answer}\n\n`,
    type: 'text/event-stream; charset=utf-8',
  });
});

test('a request that cannot be taken is refused as everywhere', async () => {
  for (const kind of ['generate', 'generate_stream']) {
    expect(await post(`none/${kind}`, '{')).toEqual({
      status: 404,
      text: `{"error":"no model 'none' is known"}`,
      type: 'application/json',
    });
    expect(await post(`sum/${kind}`, '{')).toMatchObject({ status: 500, type: 'application/json' });
    expect(await post(`full/${kind}`, '{"x":1}')).toMatchObject({ status: 503, type: 'application/json' });
    expect(await post(`sum/${kind}`, gzipSync(ten), { 'Content-Encoding': 'gzip' })).toMatchObject({
      status: 400,
      text: `{"error":"generate requests may not be compressed, got Content-Encoding 'gzip'"}`,
    });
  }
});

test('a decoupled model sends an event for each response; generate carries exactly one', async () => {
  const event = (y: string) => `data: {"model_name":"counter","model_version":"1","y":${y}}\n\n`;
  expect(await post('counter/generate_stream', '{"x":2}')).toMatchObject({
    status: 200,
    text: event('0.0') + event('1.0'),
  });
  expect(await post('counter/generate_stream', '{"x":0}')).toMatchObject({ status: 200, text: '' });
  expect(await post('counter/generate', '{"x":1}')).toMatchObject({
    status: 200,
    text: '{"model_name":"counter","model_version":"1","y":0.0}',
  });
  for (const count of [0, 2]) {
    const error = `{"error":"model 'counter' gave ${count} responses, 'generate' carries exactly one"}`;
    expect(await post('counter/generate', `{"x":${count}}`)).toMatchObject({ status: 500, text: error });
  }
});

test('a model that fails speaks through the stream', async () => {
  const error = '{"error":"internal error; the log has details"}';
  expect(await post('broken/generate', '{"x":1}')).toEqual({ status: 500, text: error, type: 'application/json' });
  expect(await post('broken/generate_stream', '{"x":1}')).toEqual({
    status: 500,
    text: `data: ${error}\n\n`,
    type: 'text/event-stream; charset=utf-8',
  });
});
