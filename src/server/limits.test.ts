import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrpcClient } from '../../test/grpc-client.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { type RunningServer, startServer } from './index.ts';

const identity = (type: string) => `backend: "identity" max_batch_size: 0
  input { name: "x" data_type: TYPE_${type} dims: [ -1, -1 ] } output { name: "x" data_type: TYPE_${type} dims: [ -1, -1 ] }`;

const root = mkdtempSync(join(tmpdir(), 'conch-limits-'));
let server: RunningServer;
let grpc: GrpcClient;

beforeAll(async () => {
  for (const [name, type] of Object.entries({ fp32: 'FP32', text: 'STRING' })) {
    const path = join(root, name, 'config.pbtxt');
    mkdirSync(join(dirname(path), '1'), { recursive: true });
    writeFileSync(path, identity(type));
  }
  const logger = createLogger('silent');
  server = await startServer({ repository: root, httpPort: 0, grpcPort: 0, metricsPort: false, logger });
  grpc = new GrpcClient(server.grpcPort!);
});
afterAll(async () => {
  grpc.close();
  await server.close();
  rmSync(root, { recursive: true });
});

const models = [
  ['fp32', 'FP32', '1'],
  ['text', 'BYTES', '"a"'],
] as const;

describe('dimensions that leave what 32 bits, a double or 64 bits hold are refused', () => {
  test.each([
    ['[1,2147483648]', 400],
    ['[2147483648,2]', 400],
    ['[65536,65536]', 400],
    ['[1,9007199254740993]', 400],
    ['[4294967296,4294967296]', 400],
    ['[4294967296,4294967297]', 400],
    ['[1,9223372036854775807]', 400],
    ['[2,9223372036854775808]', 400],
    ['[18446744073709551615,1]', 400],
    ['[1,18446744073709551616]', 500],
    ['[0,9223372036854775807]', 400],
    ['[1,-1]', 500],
    ['[1,1.5]', 500],
    ['[1,1e3]', 500],
  ])('over HTTP: %s', async (shape, status) => {
    for (const [name, datatype, element] of models) {
      for (const rest of ['"data":[]', `"data":[${element}]`, '"parameters":{"binary_data_size":0}']) {
        const body = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},${rest}}]}`;
        const answer = await call(`${server.url}/v2/models/${name}/infer`, { body });
        expect([rest, answer.status, JSON.parse(answer.text)]).toEqual([rest, status, { error: expect.any(String) }]);
      }
      const body = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,1],"data":[${element}]}]}`;
      expect((await call(`${server.url}/v2/models/${name}/infer`, { body })).status).toBe(200);
    }
  });

  test.each([
    [1n, 2n ** 31n],
    [2n ** 32n, 2n ** 32n],
    [2n ** 62n, 4n],
    [2n ** 53n + 1n, 1n],
    [1n, 2n ** 63n - 1n],
    [0n, 2n ** 63n - 1n],
    [-1n, 1n],
  ])('over gRPC: %s x %s', async (...shape) => {
    for (const [name, datatype] of models) {
      for (const raw of [Buffer.alloc(0), Buffer.alloc(4)]) {
        const input = { name: 'x', datatype, shape };
        const request = { model_name: name, inputs: [input], raw_input_contents: [raw] };
        const { code, details } = await grpc.call('ModelInfer', request);
        expect([code, details]).toEqual([3, expect.stringContaining("input 'x' of model")]);
      }
    }
    expect((await grpc.call('ServerLive', {})).code).toBe(0);
  });

  test('and the reason names the bounds', async () => {
    const body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[0,9223372036854775807],"data":[]}]}';
    const { text } = await call(`${server.url}/v2/models/fp32/infer`, { body });
    expect(JSON.parse(text).error).toContain('every dimension of a request must be from 0 to 2^53 - 1, the shape is');
  });
});
