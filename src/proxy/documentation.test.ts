import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { createProxyApp } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import { exampleModels, type FakeModel, fakeClient, fakeServer } from './fake-client.ts';
import type { Schema } from './schema.ts';

let app: FastifyInstance;
afterEach(() => app.close());

async function proxy(models: Record<string, FakeModel>, labels: Record<string, string[]> = {}) {
  const server = fakeServer(models);
  server.labels = labels;
  let catalog!: ModelCatalog;
  app = await createProxyApp({
    client: fakeClient(server),
    maxEventLoopDelayMs: false,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
  return app;
}

const hostile = `</script><img src=x onerror="alert('1')">&amp;`;

/** Each body must satisfy its schema, exactly as written. */
async function expectValid(cases: { schema: Schema; body: unknown }[]): Promise<void> {
  const judge = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } });
  for (const [index, { schema }] of cases.entries()) {
    judge.post(`/${index}`, { schema: { body: schema } }, async () => 'valid');
  }
  for (const [index, { body }] of cases.entries()) {
    expect((await judge.inject({ method: 'POST', url: `/${index}`, payload: body as object })).body).toBe('valid');
  }
  await judge.close();
}

test('the document lists every model with examples that its route accepts and answers as documented', async () => {
  const models = exampleModels();
  models.matrix = {
    config: {
      max_batch_size: 0,
      input: [
        { name: 'a', data_type: 'TYPE_FP64', dims: [2, -1] },
        { name: 'b', data_type: 'TYPE_BOOL', dims: [1] },
        { name: 'c', data_type: 'TYPE_INT8', dims: [1], optional: true },
      ],
      output: [{ name: 'a', data_type: 'TYPE_FP64', dims: [2, -1] }],
    },
    run: (inputs) => [inputs.get('a')!],
  };
  const app = await proxy(models, { 'finbert-model': ['positive', 'negative', 'neutral'] });
  const document = (await app.inject({ url: '/openapi.json' })).json();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual([
    '/health',
    '/healthz',
    '/models',
    '/models/{name}',
    '/v2',
    '/v2/repository/index',
    ...['', '/config', '/ready'].map((path) => `/v2/models/{name}${path}`),
    ...['', '/config', '/ready'].map((path) => `/v2/models/{name}/versions/{version}${path}`),
    '/models/finbert',
    '/models/finbert/classify',
    '/models/finbert-model',
    '/models/finbert-tokenizer',
    '/models/matrix',
    '/models/simple_net',
  ]);
  const ids = Object.values(document.paths).flatMap((operations) =>
    Object.values(operations as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const cases: { schema: Schema; body: unknown }[] = [];
  for (const [path, { post }] of Object.entries<Record<string, Schema>>(document.paths)) {
    if (!post) continue;
    const { schema, examples } = (post.requestBody as never as { content: Record<string, never> }).content[
      'application/json'
    ]!;
    const answer = (post.responses as never as Record<string, { content: Record<string, never> }>)['200']!.content[
      'application/json'
    ]!;
    for (const [name, { value }] of Object.entries(examples as Record<string, { value: unknown }>)) {
      const body = value as object;
      const response = await app.inject({ method: 'POST', url: path, payload: body });
      expect([path, response.statusCode]).toEqual([path, 200]);
      cases.push({ schema, body });
      cases.push({ schema: (answer as { schema: Schema }).schema, body: response.json() });
      const shown = (answer as { examples?: Record<string, { value: unknown }> }).examples?.[name];
      if (shown) cases.push({ schema: (answer as { schema: Schema }).schema, body: shown.value });
    }
  }
  await expectValid(cases);
});

test('the document describes the example models', async () => {
  const app = await proxy(exampleModels(), { 'finbert-model': ['positive', 'negative', 'neutral'] });
  const { paths, components } = (await app.inject({ url: '/openapi.json' })).json();
  const request = (path: string) => paths[path].post.requestBody.content['application/json'];
  expect(request('/models/simple_net').schema).toEqual({
    type: 'object',
    properties: {
      x: {
        description: 'A list of 10 numbers, or a list of such lists. FP32.',
        anyOf: [
          { type: 'array', minItems: 10, maxItems: 10, items: expect.objectContaining({ type: 'number' }) },
          expect.objectContaining({ type: 'array', minItems: 1, maxItems: 256 }),
        ],
      },
    },
    required: ['x'],
    additionalProperties: false,
  });
  const { label, scores } =
    paths['/models/finbert'].post.responses['200'].content['application/json'].schema.anyOf[0].properties;
  expect(label.enum).toEqual(['positive', 'negative', 'neutral']);
  expect(scores.required).toEqual(['positive', 'negative', 'neutral']);
  expect(Object.keys(paths['/models/finbert'].post.responses)).toEqual([
    '200',
    '400',
    '404',
    '413',
    '415',
    '429',
    '500',
    '501',
    '502',
    '503',
    '504',
  ]);
  expect(components.schemas.Error.required).toEqual(['error', 'code', 'requestId']);
});

test('models can be listed and described', async () => {
  const app = await proxy(exampleModels(), { 'finbert-model': ['positive', 'negative', 'neutral'] });
  const { models } = (await app.inject({ url: '/models' })).json();
  expect(models.map(({ route }: { route: string }) => route)).toEqual([
    '/models/finbert',
    '/models/finbert-model',
    '/models/finbert-tokenizer',
    '/models/simple_net',
  ]);
  expect((await app.inject({ url: '/models/finbert' })).json()).toEqual({
    name: 'finbert',
    version: '1',
    maxBatchSize: 4,
    inputs: [{ name: 'text', datatype: 'BYTES', dims: [1] }],
    outputs: [{ name: 'logits', datatype: 'FP32', dims: [3] }],
    labels: ['positive', 'negative', 'neutral'],
    route: '/models/finbert',
  });
  const unknown = await app.inject({ url: '/models/nothing' });
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'MODEL_NOT_FOUND']);
});

test('the page stands by itself: its policy allows nothing from elsewhere, and it names nothing from elsewhere', async () => {
  const app = await proxy(exampleModels());
  expect((await app.inject({ url: '/' })).headers.location).toBe('/docs');
  const page = await app.inject({ url: '/docs' });
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const script = await app.inject({ url: '/docs/docs.js' });
  const style = await app.inject({ url: '/docs/docs.css' });
  expect(script.headers['content-type']).toContain('text/javascript');
  expect(style.headers['content-type']).toContain('text/css');
  expect(() => new Function(script.body)).not.toThrow();
  for (const text of [page.body, script.body, style.body]) expect(text).not.toMatch(/https?:\/\/|@import|url\(/);
  // What the policy would block: scripts, styles and handlers inside the page.
  expect(page.body).not.toMatch(/<style|style=|\son[a-z]+=|<script(?! src="docs\/docs\.js" defer>)/);
  for (const name of Object.keys(exampleModels())) expect(page.body).toContain(`data-path="models/${name}"`);
});

test('names and labels of a hostile server stay text on the page', async () => {
  const models = exampleModels();
  models['finbert-model']!.config.output![0]!.name = 'logits';
  models.finbert!.config.output![0]!.name = hostile;
  models.finbert!.config.output![0]!.label_filename = 'labels.txt';
  models[hostile] = { ...models.simple_net!, state: { name: hostile, version: '1', state: 'UNAVAILABLE' } };
  const app = await proxy(models);
  const { body } = await app.inject({ url: '/docs' });
  expect(body).not.toContain('<img');
  expect(body).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;');
});
