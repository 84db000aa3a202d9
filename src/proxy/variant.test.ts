import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { createProxyApp } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from './fake-client.ts';
import { variantNames } from './variant.ts';

let app: FastifyInstance;
afterEach(() => app?.close());

async function proxy(server: FakeServer, models?: string[]): Promise<void> {
  let catalog!: ModelCatalog;
  app = await createProxyApp({
    maxEventLoopDelayMs: false,
    client: fakeClient(server),
    ...(models && { models }),
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
}

const ids = { input_ids: [1, 2], attention_mask: [1, 1] };
const post = (url: string, payload: unknown) => app.inject({ method: 'POST', url, payload: payload as object });

function withVariant(): FakeServer {
  const models = exampleModels();
  models['finbert-trt-model'] = { ...models['finbert-model']!, versions: ['7'] };
  return fakeServer(models);
}

test('the variant of a name has trt as a further part of it', () => {
  expect(variantNames('finbert-model')).toEqual(['finbert-trt-model', 'finbert-model-trt']);
  expect(variantNames('simple_net')).toEqual(['simple_net-trt']);
  expect(variantNames('a-b-c')).toEqual(['a-b-trt-c', 'a-trt-b-c', 'a-b-c-trt']);
});

test('trt_model chooses the sibling, and only where it is true', async () => {
  const server = withVariant();
  await proxy(server);
  const asked = async (body: object) => {
    const { statusCode, headers } = await post('/models/finbert-model', { ...ids, ...body });
    return [statusCode, server.requests.at(-1)!.model, headers['x-conch-model-version']];
  };
  expect(await asked({ trt_model: true })).toEqual([200, 'finbert-trt-model', '7']);
  expect(await asked({ trt_model: false })).toEqual([200, 'finbert-model', '1']);
  expect(await asked({})).toEqual([200, 'finbert-model', '1']);
  const odd = await post('/models/finbert-model', { ...ids, trt_model: 'yes' });
  expect([odd.statusCode, odd.json().error]).toEqual([400, 'trt_model: expected true or false']);
});

test('a variant that is not there is named', async () => {
  await proxy(fakeServer(exampleModels()));
  const answer = await post('/models/finbert-model', { ...ids, trt_model: true });
  expect([answer.statusCode, answer.json()]).toMatchObject([
    404,
    {
      code: 'MODEL_NOT_FOUND',
      field: 'trt_model',
      error: "model 'finbert-model' has no TensorRT variant: no model 'finbert-trt-model' or 'finbert-model-trt'",
    },
  ]);
});

test('an input of that name is the model’s own', async () => {
  const config = {
    input: [{ name: 'trt_model', data_type: 'TYPE_BOOL' as const, dims: [1] }],
    output: [{ name: 'y', data_type: 'TYPE_BOOL' as const, dims: [1] }],
  };
  const run: FakeServer['models'][string]['run'] = (inputs) => [{ ...inputs.get('trt_model')!, name: 'y' }];
  await proxy(fakeServer({ own: { config, run }, 'own-trt': { config, run } }));
  expect((await post('/models/own', { trt_model: true })).json()).toEqual({ y: true });
});

test('the document names the field where there is a variant', async () => {
  await proxy(withVariant());
  const { paths } = (await app.inject({ url: '/openapi.json' })).json();
  const schema = (name: string) => JSON.stringify(paths[`/models/${name}`].post.requestBody);
  expect(schema('finbert-model')).toContain("model 'finbert-trt-model' answers instead");
  expect(schema('finbert-trt-model')).not.toContain('trt_model');
  expect(schema('simple_net')).not.toContain('trt_model');
});

test('what the server says of its models is passed on, reading only', async () => {
  const server = withVariant();
  await proxy(server);
  const get = async (url: string) => (await app.inject({ url })).json();
  expect(await get('/v2')).toEqual({ name: 'fake', version: '0', extensions: [] });
  expect(await get('/v2/repository/index')).toContainEqual({ name: 'finbert-trt-model', version: '7', state: 'READY' });
  expect((await post('/v2/repository/index', {})).json()).toEqual(await get('/v2/repository/index'));
  expect((await get('/v2/models/simple_net')).inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, 10] }]);
  const config = await get('/v2/models/simple_net/config');
  expect(config).toMatchObject({ name: 'simple_net', max_batch_size: 8, input: [{ data_type: 'TYPE_FP32' }] });
  expect(await get('/v2/models/simple_net/versions/1/config')).toEqual(config);
  expect(await get('/v2/models/simple_net/ready')).toEqual({ ready: true });
  const unknown = await app.inject({ url: '/v2/models/none/config' });
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'SERVER_ERROR']);
  for (const url of ['/v2/repository/models/simple_net/load', '/v2/models/simple_net/infer', '/v2/logging']) {
    expect((await post(url, {})).statusCode).toBe(404);
  }
});

test('the index can be asked for what is ready alone', async () => {
  const server = withVariant();
  server.models.broken = {
    ...server.models.simple_net!,
    state: { name: 'broken', version: '1', state: 'UNAVAILABLE', reason: 'no file' },
  };
  await proxy(server);
  const names = async (payload: object) =>
    (await post('/v2/repository/index', payload)).json().map(({ name }: { name: string }) => name);
  expect(await names({})).toContain('broken');
  expect(await names({ ready: true })).not.toContain('broken');
  expect((await post('/v2/repository/index', { ready: 1 })).json().error).toBe('ready: expected true or false, got 1');
});

test('of models that are not offered nothing is told', async () => {
  await proxy(withVariant(), ['simple_net']);
  const index = (await app.inject({ url: '/v2/repository/index' })).json();
  expect(index.map(({ name }: { name: string }) => name)).toEqual(['simple_net']);
  expect((await app.inject({ url: '/v2/models/finbert' })).statusCode).toBe(404);
});
