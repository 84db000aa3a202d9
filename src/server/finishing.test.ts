import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { GrpcClient } from '../../test/grpc-client.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { startServer } from './index.ts';

const tensors = `input { name: "x" data_type: TYPE_INT32 dims: [ 1 ] } output { name: "x" data_type: TYPE_INT32 dims: [ 1 ] }`;
const input = { name: 'x', datatype: 'INT32', shape: [1, 1] };

/** A server with a model of sequences and one without. */
async function start() {
  const root = mkdtempSync(join(tmpdir(), 'conch-finishing-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, more] of Object.entries({
    sequence: 'sequence_batching { max_sequence_idle_microseconds: 60000000 }',
    plain: '',
  })) {
    mkdirSync(join(root, name, '1'), { recursive: true });
    writeFileSync(join(root, name, 'config.pbtxt'), `backend: "identity" max_batch_size: 4 ${tensors} ${more}`);
  }
  const logger = createLogger('silent');
  const server = await startServer({ repository: root, httpPort: 0, grpcPort: 0, metricsPort: false, logger });
  const grpc = new GrpcClient(server.grpcPort!);
  onTestFinished(() => grpc.close());
  const http = async (model: string, parameters = {}) => {
    const body = JSON.stringify({ parameters, inputs: [{ ...input, data: [7] }] });
    return (await call(`${server.url}/v2/models/${model}/infer`, { body })).status;
  };
  const rpc = async (model: string, flags: Record<string, object> = {}) => {
    const raw = [Buffer.from(Int32Array.of(7).buffer)];
    const request = { model_name: model, parameters: flags, inputs: [input], raw_input_contents: raw };
    return (await grpc.call('ModelInfer', request)).code;
  };
  return { server, grpc, http, rpc };
}

test('a server that ends takes the rest of sequences that have begun, and nothing else, over both protocols', async () => {
  const { server, grpc, http, rpc } = await start();
  expect(await http('sequence', { sequence_id: 5, sequence_start: true })).toBe(200);
  expect(await rpc('sequence', { sequence_id: { int64_param: 6n }, sequence_start: { bool_param: true } })).toBe(0);
  let closed: boolean | undefined;
  const closing = server.close().then((whole) => {
    closed = whole;
  });

  for (const path of ['/v2/health/live', '/v2/health/ready']) {
    const { status, text } = await call(server.url + path);
    expect([path, status, JSON.parse(text)]).toEqual([path, 503, { error: 'the server is shutting down' }]);
  }
  for (const method of ['ServerLive', 'ServerReady']) {
    expect(await grpc.call(method, {})).toMatchObject({ code: 14, details: 'the server is shutting down' });
  }
  expect(await http('plain')).toBe(503);
  expect(await rpc('plain')).toBe(14);
  expect(await http('sequence', { sequence_id: 8, sequence_start: true })).toBe(503);
  expect(await rpc('sequence', { sequence_id: { int64_param: 9n }, sequence_start: { bool_param: true } })).toBe(14);

  expect(await http('sequence', { sequence_id: 5 })).toBe(200);
  expect(await rpc('sequence', { sequence_id: { int64_param: 6n } })).toBe(0);
  expect(await http('sequence', { sequence_id: 5, sequence_end: true })).toBe(200);
  expect(await http('sequence', { sequence_id: 5 })).toBe(503);
  expect(closed).toBeUndefined();
  expect(await rpc('sequence', { sequence_id: { int64_param: 6n }, sequence_end: { bool_param: true } })).toBe(0);
  await closing;
  expect(closed).toBe(true);
  await expect(call(`${server.url}/v2/health/live`)).rejects.toThrow('ECONNREFUSED');
});
