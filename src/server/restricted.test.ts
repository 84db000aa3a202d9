import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../test/fake-engine.ts';
import { call } from '../../test/raw-http.ts';
import { createLogger } from '../base/index.ts';
import { parseRestriction, type RunningServer, serveEngine } from './index.ts';
import { RestrictedAccess } from './restricted.ts';

const flag = '--http-restricted-api';

test('a restriction names categories, a header and its value', () => {
  expect(parseRestriction('model-repository,health:Admin-Key=a=b:c', flag)).toEqual({
    categories: ['model-repository', 'health'],
    header: 'Admin-Key',
    value: 'a=b:c',
  });
});

test.each([
  ['health', /expected <category,\.\.\.>:<header>=<value>/],
  ['health:key=', /expected <category/],
  ['health,cats:key=x', /'cats' is no category; there are health, metadata, /],
  ['health:a key=x', /'a key' cannot be the name of a header/],
])('%j is refused', (text, message) => {
  expect(() => parseRestriction(text, flag)).toThrow(message);
});

test('a category is in one group only; gRPC has its own prefix', () => {
  const first = parseRestriction('health:a=1', flag);
  const second = parseRestriction('logging,health:b=2', flag);
  expect(() => new RestrictedAccess([first, second], flag)).toThrow("'health' may be in one group only, it is in two");
  const access = new RestrictedAccess([first], flag, 'triton-grpc-protocol-');
  const asked: string[] = [];
  const missing = access.missing('health', (name) => {
    asked.push(name);
    return 'wrong';
  });
  expect([missing, asked]).toEqual(['triton-grpc-protocol-a', ['triton-grpc-protocol-a']]);
  expect(access.missing('health', () => '1')).toBeUndefined();
  expect(access.missing('logging', () => undefined)).toBeUndefined();
});

let server: RunningServer;
beforeAll(async () => {
  server = await serveEngine(new FakeEngine(), {
    httpPort: 0,
    metricsPort: false,
    logger: createLogger('silent'),
    httpRestrictedApi: [parseRestriction('health,model-repository:Admin-Key=secret', flag)],
  });
});
afterAll(() => server.close());

test('without its header a restricted call is answered 403, with it as ever', async () => {
  for (const headers of [{}, { 'admin-key': 'Secret' }, { 'admin-key': '' }]) {
    const { status, text } = await call(`${server.url}/v2/models/sum/ready`, { headers });
    expect([status, text]).toEqual([403, `{"error":"this API is restricted, expecting header 'Admin-Key'"}`]);
  }
  const headers = { 'ADMIN-KEY': 'secret' };
  expect((await call(`${server.url}/v2/health/live`, { headers })).status).toBe(200);
  expect((await call(`${server.url}/v2/repository/index`, { headers, body: '' })).status).toBe(200);
  expect((await call(`${server.url}/v2/repository/index`, { body: '' })).status).toBe(403);
  expect((await call(`${server.url}/v2/models/sum`)).status).toBe(200);
});
