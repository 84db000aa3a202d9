import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { createProxyApp, type ProxyAppOptions } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer, textsOf } from './fake-client.ts';

let app: FastifyInstance | undefined;
afterEach(() => app?.close());

async function proxy(server: FakeServer, options: Partial<ProxyAppOptions> = {}): Promise<FastifyInstance> {
  let catalog: ModelCatalog | undefined;
  app = await createProxyApp({
    client: fakeClient(server),
    maxEventLoopDelayMs: false,
    ...options,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  if (server.ready && server.reachable) await catalog!.whenReady();
  return app;
}

async function examples(): Promise<{ app: FastifyInstance; server: FakeServer }> {
  const server = fakeServer(exampleModels());
  server.labels['finbert-model'] = ['positive', 'negative', 'neutral'];
  return { server, app: await proxy(server) };
}

const post = (app: FastifyInstance, model: string, payload: unknown) =>
  app.inject({ method: 'POST', url: `/models/${model}`, payload: payload as object });

const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

test('numbers in, prediction out: one item, and several in order', async () => {
  const { app } = await examples();
  const one = await post(app, 'simple_net', { x: ten });
  expect([one.statusCode, one.json()]).toEqual([200, { prediction: 55 }]);
  const several = await post(app, 'simple_net', { x: [ten, ten.map((value) => value / 10)] });
  expect(several.json()).toEqual([{ prediction: 55 }, { prediction: 5.5 }]);
});

test('text in, label and scores out, with labels learnt from the step of the ensemble', async () => {
  const { app } = await examples();
  const one = (await post(app, 'finbert', { text: 'loss' })).json();
  expect(one.logits).toEqual([4, 50, 1]);
  expect(one.label).toBe('negative');
  expect(Object.keys(one.scores)).toEqual(['positive', 'negative', 'neutral']);
  expect(one.scores.negative).toBeCloseTo(1, 9);
  const list = (await post(app, 'finbert', { text: ['good'] })).json();
  expect(list).toHaveLength(1);
  expect(list[0].label).toBe('positive');
});

test('requests larger than the batch size are split and answered in order', async () => {
  const { app, server } = await examples();
  server.requests.length = 0;
  const text = Array.from({ length: 11 }, (_, index) => 'a'.repeat(index + 1));
  const answers = (await post(app, 'finbert', { text })).json();
  expect(answers.map((answer: { logits: number[] }) => answer.logits[0])).toEqual(text.map(({ length }) => length));
  expect(server.requests.map(({ inputs }) => inputs[0]!.shape)).toEqual([
    [4, 1],
    [4, 1],
    [3, 1],
  ]);
});

test('a model without batch dimension is asked once an item, without one', async () => {
  const server = fakeServer(exampleModels());
  server.models.simple_net!.config.max_batch_size = 0;
  server.models.simple_net!.run = (inputs) => [
    { name: 'prediction', datatype: 'FP32', shape: [1], data: (inputs.get('x')!.data as Float32Array).slice(0, 1) },
  ];
  const app = await proxy(server);
  expect((await post(app, 'simple_net', { x: ten })).json()).toEqual({ prediction: 1 });
  expect((await post(app, 'simple_net', { x: [ten, ten] })).json()).toEqual([{ prediction: 1 }, { prediction: 1 }]);
  expect(server.requests.at(-1)!.inputs[0]!.shape).toEqual([10]);
});

test('tokenizer and model of a pipeline have routes of their own, with named inputs and outputs', async () => {
  const { app } = await examples();
  const tokens = await post(app, 'finbert-tokenizer', { text: 'ab' });
  expect(tokens.json()).toEqual({ input_ids: [97, 98], attention_mask: [1, 1] });
  const logits = await post(app, 'finbert-model', { input_ids: [97, 98], attention_mask: [1, 1] });
  expect(logits.json()).toEqual({ logits: [4, 0, 1] });
});

test('every data type goes in and comes out; what JSON cannot hold becomes text', async () => {
  const server = fakeServer({
    all: {
      config: {
        max_batch_size: 2,
        input: [
          { name: 'flag', data_type: 'TYPE_BOOL', dims: [1] },
          { name: 'half', data_type: 'TYPE_FP16', dims: [2] },
          { name: 'brain', data_type: 'TYPE_BF16', dims: [1] },
          { name: 'big', data_type: 'TYPE_INT64', dims: [2] },
          { name: 'byte', data_type: 'TYPE_UINT8', dims: [2, 2] },
          { name: 'words', data_type: 'TYPE_STRING', dims: [2] },
          { name: 'extra', data_type: 'TYPE_INT32', dims: [1], optional: true },
        ],
        output: [
          { name: 'flag', data_type: 'TYPE_BOOL', dims: [1] },
          { name: 'half', data_type: 'TYPE_FP16', dims: [2] },
          { name: 'brain', data_type: 'TYPE_BF16', dims: [1] },
          { name: 'big', data_type: 'TYPE_INT64', dims: [2] },
          { name: 'byte', data_type: 'TYPE_UINT8', dims: [2, 2] },
          { name: 'words', data_type: 'TYPE_STRING', dims: [2] },
          { name: 'odd', data_type: 'TYPE_FP64', dims: [-1] },
        ],
      },
      run: (inputs) => [
        ...[...inputs.values()].filter(({ name }) => name !== 'extra'),
        { name: 'odd', datatype: 'FP64', shape: [1, 3], data: Float64Array.of(NaN, Infinity, -Infinity) },
      ],
    },
  });
  const app = await proxy(server);
  const body = {
    flag: true,
    half: [0.5, -65504],
    brain: 1.5,
    big: [-3, '9223372036854775807'],
    byte: [
      [0, 1],
      [254, 255],
    ],
    words: ['naïve 😀', '\u0000'],
  };
  const answer = await post(app, 'all', body);
  expect(answer.json()).toEqual({ ...body, odd: ['NaN', 'Infinity', '-Infinity'] });
  expect((await post(app, 'all', { ...body, extra: 7 })).statusCode).toBe(200);
  expect(server.requests.at(-1)!.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['flag', [1, 1]],
    ['half', [1, 2]],
    ['brain', [1, 1]],
    ['big', [1, 2]],
    ['byte', [1, 2, 2]],
    ['words', [1, 2]],
    ['extra', [1, 1]],
  ]);
});

test.each<[string, unknown, string, string | undefined]>([
  ['simple_net', [], "body: expected an object with 'x', got an empty list", undefined],
  ['simple_net', '"x"', `body: expected an object with 'x', got the text "x"`, undefined],
  ['simple_net', 'null', "body: expected an object with 'x', got null", undefined],
  ['simple_net', {}, 'x: expected a list of 10 numbers, or a list of such lists, got nothing', 'x'],
  ['simple_net', { x: 3 }, 'x: expected a list of 10 numbers, or a list of such lists, got 3', 'x'],
  ['simple_net', { x: null }, 'x: expected a list of 10 numbers, or a list of such lists, got null', 'x'],
  ['simple_net', { x: [1, 2] }, 'x: expected a list of 10 numbers, got a list of 2', 'x'],
  ['simple_net', { x: [] }, 'x: expected a list of 10 numbers, got an empty list', 'x'],
  ['simple_net', { x: [ten, [1]] }, 'x[1]: expected a list of 10 numbers, got a list of 1', 'x[1]'],
  ['simple_net', { x: [ten, 4] }, 'x[1]: expected a list of 10 numbers, got 4', 'x[1]'],
  [
    'simple_net',
    { x: [[ten]] },
    'x: expected a list of 10 numbers, or a list of such lists, got a list of 1 lists',
    'x',
  ],
  ['simple_net', { x: ten.map(String) }, 'x[0]: expected a number, got the text "1"', 'x[0]'],
  ['simple_net', { x: [...ten.slice(1), null] }, 'x[9]: expected a number, got null', 'x[9]'],
  ['simple_net', { x: [...ten.slice(1), true] }, 'x[9]: expected a number, got true', 'x[9]'],
  ['simple_net', { x: [...ten.slice(1), {}] }, 'x[9]: expected a number, got an object', 'x[9]'],
  [
    'simple_net',
    { x: [...ten.slice(1), 1e39] },
    'x[9]: expected a number from -3.4028234663852886e+38 to 3.4028234663852886e+38 (FP32), got 1e+39',
    'x[9]',
  ],
  ['simple_net', { x: ten, y: 1 }, "body: unknown field 'y'; model 'simple_net' takes 'x'", 'y'],
  ['finbert', { texts: 'a' }, "body: unknown field 'texts'; model 'finbert' takes 'text'", 'texts'],
  ['finbert', { text: 3 }, 'text: expected a text, got 3', 'text'],
  ['finbert', { text: {} }, 'text: expected a text, got an object', 'text'],
  ['finbert', { text: [] }, 'text: expected a text, or a list of texts, at least one, got an empty list', 'text'],
  ['finbert', { text: ['a', 3] }, 'text[1]: expected a text, got 3', 'text[1]'],
  ['finbert', { text: ['a', ['b']] }, 'text[1]: expected a text, got a list of 1', 'text[1]'],
  ['finbert', '{"text":"\\ud800"}', 'text: expected Unicode text, got half of a surrogate pair', 'text'],
  [
    'finbert-model',
    { input_ids: [[1, 2], [3]], attention_mask: [[1, 1], [1]] },
    'input_ids[1]: expected a list of 2 integers as in the lists before it, got a list of 1',
    'input_ids[1]',
  ],
  [
    'finbert-model',
    { input_ids: [[1], [2]], attention_mask: [1] },
    "body: 'input_ids' holds a list of 2 items, but 'attention_mask' holds one item; all inputs need the same number",
    undefined,
  ],
  [
    'finbert-model',
    { input_ids: [1.5], attention_mask: [1] },
    'input_ids[0]: expected an integer, as a number or as decimal text, got 1.5',
    'input_ids[0]',
  ],
  [
    'finbert-model',
    { input_ids: ['9223372036854775808'], attention_mask: [1] },
    'input_ids[0]: expected an integer from -9223372036854775808 to 9223372036854775807 (INT64), got the text "9223372036854775808"',
    'input_ids[0]',
  ],
  [
    'finbert-model',
    '{"input_ids": [9007199254740993], "attention_mask": [1]}',
    'input_ids[0]: 9007199254740992 is beyond 2^53, where JSON numbers lose digits',
    'input_ids[0]',
  ],
  [
    'finbert-model',
    { input_ids: [] },
    'input_ids: expected a list of at least one of integers, got an empty list',
    'input_ids',
  ],
])(
  'a wrong request to %s is refused with what was expected and what came: %j',
  async (model, payload, error, field) => {
    const { app, server } = await examples();
    server.requests.length = 0;
    const headers = { 'content-type': 'application/json' };
    const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const response = await app.inject({ method: 'POST', url: `/models/${model}`, headers, payload: body });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      error,
      code: 'REQUEST_INVALID',
      requestId: response.headers['x-request-id'],
    });
    expect(response.json().field).toBe(field);
    expect(server.requests).toEqual([]);
  },
);

test('a misspelt field is answered with the nearest one', async () => {
  const { app } = await examples();
  expect((await post(app, 'finbert', { texts: 'a' })).json().fix).toBe("did you mean 'text'?");
});

test('an unknown model is answered with those known; a model with no route says why', async () => {
  const { app, server } = await examples();
  const unknown = await post(app, 'finbart', { text: 'a' });
  expect(unknown.statusCode).toBe(404);
  expect(unknown.json()).toMatchObject({
    code: 'MODEL_NOT_FOUND',
    error: "no model 'finbart'; known are 'finbert', 'finbert-model', 'finbert-tokenizer', 'simple_net'",
  });
  server.models.stream = { config: { model_transaction_policy: { decoupled: true } }, run: () => [] };
  server.models.state = { config: { sequence_batching: {} }, run: () => [] };
  server.models.odd = { config: { input: [{ name: 'x', data_type: 99 }] }, run: () => [] };
  server.models.loading = { ...server.models.simple_net!, state: { name: 'loading', version: '1', state: 'LOADING' } };
  await app.close();
  const again = await proxy(server);
  expect((await post(again, 'stream', {})).json().error).toBe(
    "model 'stream' answers one request with several responses (decoupled)",
  );
  expect((await post(again, 'stream', {})).statusCode).toBe(501);
  expect((await post(again, 'state', {})).json().error).toBe(
    "model 'state' keeps state between requests (sequence batching)",
  );
  expect((await post(again, 'odd', {})).json().error).toBe("model 'odd', tensor 'x': data type 99 is unknown");
  const loading = await post(again, 'loading', {});
  expect([loading.statusCode, loading.json().error]).toEqual([503, "model 'loading' is not ready: LOADING"]);
  expect(loading.headers['retry-after']).toBe('1');
});

test('models can be limited to some, and labels given by hand', async () => {
  const server = fakeServer(exampleModels());
  const app = await proxy(server, { models: ['finbert', 'gone'], labels: { finbert: ['up', 'down', 'down'] } });
  expect((await post(app, 'finbert', { text: 'loss' })).json()).toMatchObject({ label: 'down' });
  expect(Object.keys((await post(app, 'finbert', { text: 'loss' })).json().scores)).toEqual(['up', 'down', 'down (2)']);
  expect((await post(app, 'simple_net', { x: ten })).statusCode).toBe(404);
  expect((await post(app, 'gone', {})).json().error).toBe("model 'gone' is not ready: not on the server");
});

test.each<[string, Record<string, string[]>, string]>([
  ['finbert', { finbert: ['a'] }, "labels for 'finbert': output 'logits' has 3 classes, got 1 labels"],
  ['simple_net', { simple_net: ['a'] }, "labels for 'simple_net': it does not turn one text into a list of numbers"],
])('labels that do not fit %s make that model unavailable, with the reason', async (model, labels, error) => {
  const app = await proxy(fakeServer(exampleModels()), { labels });
  expect((await post(app, model, {})).json()).toMatchObject({ error, code: 'USAGE' });
});

test('without labels on the server, classes are numbered; a refused probe does not stop the route', async () => {
  const server = fakeServer(exampleModels());
  const app = await proxy(server);
  expect((await post(app, 'finbert', { text: 'loss' })).json().label).toBe('LABEL_1');
});

test('a broken answer of the server is 502 and says what is wrong with it', async () => {
  const { app, server } = await examples();
  const f32 = (name: string, shape: number[], values: number[]) => [
    { name, datatype: 'FP32' as const, shape, data: Float32Array.from(values) },
  ];
  const answer = async (model: string, run: FakeServer['models'][string]['run']) => {
    server.models[model]!.run = run;
    const response = await post(app, model, model === 'finbert' ? { text: 'a' } : { x: ten });
    return [response.statusCode, response.json().error];
  };
  expect(await answer('simple_net', () => [])).toEqual([
    502,
    "model 'simple_net' gave no output 'prediction' in its answer",
  ]);
  expect(await answer('simple_net', () => f32('prediction', [2, 1], [1, 2]))).toEqual([
    502,
    "model 'simple_net' gave output 'prediction' of shape [2,1] with 2 elements for 1 item",
  ]);
  expect(await answer('finbert', () => f32('logits', [1, 2], [1, 2]))).toEqual([
    502,
    "model 'finbert' gave output 'logits' of 2 values for 3 labels",
  ]);
  expect(await answer('finbert', () => f32('logits', [1, 3], [1, Number.NaN, 2]))).toEqual([
    502,
    "model 'finbert' gave NaN for 'negative', which is no score",
  ]);
});

test('texts reach the server as they were sent', async () => {
  const { app, server } = await examples();
  const texts = ['', ' ', 'é', '漢字', '👩‍👩‍👧', '\u0000x', 'a\r\nb', 'ﷺ', '\u202Eabc', '__proto__'];
  const response = await post(app, 'finbert', { text: texts });
  expect(response.statusCode).toBe(200);
  const seen = server.requests.filter(({ id }) => id === response.headers['x-request-id']);
  expect(seen.flatMap(({ inputs }) => textsOf(inputs[0]))).toEqual(texts);
});
