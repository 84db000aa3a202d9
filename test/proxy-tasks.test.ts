import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileDeployment, startProxy, startServer } from '../src/index.ts';
import type { RunningProxy } from '../src/proxy/index.ts';
import type { RunningServer } from '../src/server/index.ts';

// The task routes and OpenAI's over checkpoints of each kind, compiled and served; once with tokenizers in the proxy,
// once with the ensembles alone, as far as those go.
const golden = join(import.meta.dirname, 'golden');
let folder: string;
let server: RunningServer;
let direct: RunningProxy;
let plain: RunningProxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-tasks-'));
  const checkpoint = (name: string) => join(folder, 'checkpoints', name);
  // The vocabulary of another tiny model, as far as these have embeddings.
  const vocabulary = (await readFile(join(golden, 'tiny-bert/vocab.txt'), 'utf8')).split('\n').slice(0, 60);
  for (const [name, files] of Object.entries({
    sentence: ['config.json', 'model.safetensors', 'modules.json', 'sentence_bert_config.json', '1_Pooling'],
    encoder: ['config.json', 'model.safetensors'],
  })) {
    await mkdir(checkpoint(name), { recursive: true });
    for (const file of files) {
      await cp(join(golden, 'encoders/sentence-mean', file), join(checkpoint(name), file), { recursive: true });
    }
    await writeFile(join(checkpoint(name), 'vocab.txt'), vocabulary.join('\n'));
  }
  const models = {
    finbert: { checkpoint: resolve(import.meta.dirname, '../examples/finbert/checkpoint') },
    ner: { checkpoint: join(golden, 'pipelines/deberta-tokens'), layout: 'packed' as const },
    reranker: { checkpoint: join(golden, 'pipelines/xlm-roberta-reranker') },
    sentence: { checkpoint: checkpoint('sentence') },
    encoder: { checkpoint: checkpoint('encoder') },
  };
  const { repository } = await compileDeployment({ deployment: { models }, file: undefined, baseDir: folder }, {});
  server = await startServer({ repository, httpPort: 0, metricsPort: false });
  direct = await startProxy({ server: server.url, port: 0, text: { repository } });
  plain = await startProxy({ server: server.url, port: 0 });
  await Promise.all([direct.whenReady(), plain.whenReady()]);
}, 120_000);

afterAll(async () => {
  await direct?.close();
  await plain?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function post(proxy: RunningProxy, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(proxy.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as never };
}
const answer = async <T>(proxy: RunningProxy, path: string, body: unknown): Promise<T> => {
  const { status, body: got } = await post(proxy, path, body);
  expect([status, got]).toEqual([200, got]);
  return got as T;
};
const norm = (vector: number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
const close = (one: number[], other: number[]) => {
  expect(one).toHaveLength(other.length);
  for (const [at, value] of one.entries()) expect(value).toBeCloseTo(other[at]!, 5);
};
const text = 'Profit rose by 10 % in the quarter.';

test('classify: labels by score', async () => {
  type Ranked = { label: string; score: number }[];
  for (const proxy of [direct, plain]) {
    const all = await answer<Ranked>(proxy, '/models/finbert/classify', { text });
    expect(all.map(({ label }) => label).sort()).toEqual(['negative', 'neutral', 'positive']);
    expect(all.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 9);
    expect([...all].sort((a, b) => b.score - a.score)).toEqual(all);
    const several = await answer<Ranked[]>(proxy, '/models/finbert/classify', { text: [text, 'Loss.'], top_k: 1 });
    expect(several.map((ranked) => ranked.length)).toEqual([1, 1]);
    expect(several[0]![0]!.label).toBe(all[0]!.label);
  }
});

test('embed: the same vector by both paths, normalised, cut, and raw', async () => {
  const path = '/models/sentence/embed';
  const one = await answer<number[]>(direct, path, { text });
  expect(norm(one)).toBeCloseTo(1, 6);
  close(one, await answer<number[]>(plain, path, { text }));
  const [first, second] = await answer<[number[], number[]]>(direct, path, { text: [text, 'the'] });
  close(first, one);
  close(second, await answer<number[]>(plain, path, { text: 'the' }));
  const raw = await answer<number[]>(direct, path, { text, normalize: false });
  close(
    raw.map((value) => value / norm(raw)),
    one,
  );
  const cut = await answer<number[]>(direct, path, { text, dimensions: 4 });
  close(
    cut,
    raw.slice(0, 4).map((value) => value / norm(raw.slice(0, 4))),
  );
});

test('embed: vectors of tokens are pooled over the text’s own, however it is batched', async () => {
  const path = '/models/encoder/embed';
  const one = await answer<number[]>(direct, path, { text: 'the', normalize: false });
  const [, same] = await answer<number[][]>(direct, path, { text: [text, 'the'], normalize: false });
  close(one, same!);
  // By hand from the ensemble's own answer.
  const { last_hidden_state: rows } = await answer<{ last_hidden_state: number[][] }>(plain, '/models/encoder', {
    text: 'the',
  });
  close(
    one,
    rows[0]!.map((_, at) => rows.reduce((sum, row) => sum + row[at]!, 0) / rows.length),
  );
  close(await answer<number[]>(direct, path, { text: 'the', normalize: false, pooling: 'cls' }), rows[0]!);
  expect((await post(plain, path, { text })).status).toBe(404);
});

test('embed: texts that are too long are cut, or refused', async () => {
  const long = 'profit '.repeat(2000);
  expect((await post(direct, '/models/sentence/embed', { text: long })).status).toBe(200);
  expect(await post(direct, '/models/sentence/embed', { text: [text, long], truncate: false })).toMatchObject({
    status: 400,
    body: { field: 'text[1]' },
  });
  expect((await post(direct, '/models/sentence/embed', { text, truncate: false })).status).toBe(200);
});

test('rerank: the best first, with its place in the request', async () => {
  type Ranked = { index: number; score: number; text?: string }[];
  const texts = ['Orders fell.', 'Profit rose by 10 %.', 'It rained.'];
  for (const proxy of [direct, plain]) {
    const ranked = await answer<Ranked>(proxy, '/models/reranker/rerank', { query: 'profit', texts });
    expect(ranked.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    expect([...ranked].sort((a, b) => b.score - a.score)).toEqual(ranked);
    const raw = await answer<Ranked>(proxy, '/models/reranker/rerank', {
      ...{ query: 'profit', texts, raw_scores: true, return_text: true, top_n: 2 },
    });
    expect(raw.map(({ index }) => index)).toEqual(ranked.slice(0, 2).map(({ index }) => index));
    expect(raw[0]!.text).toBe(texts[raw[0]!.index]);
    for (const [at, { score }] of raw.entries()) expect(1 / (1 + Math.exp(-score))).toBeCloseTo(ranked[at]!.score, 6);
    // Each as the model answers it by itself.
    const { logits } = await answer<{ logits: number }>(proxy, '/models/reranker', {
      ...{ text: 'profit', text_pair: texts[raw[0]!.index] },
    });
    expect(logits).toBeCloseTo(raw[0]!.score, 5);
  }
});

test('tokens: words with their labels and places in the text', async () => {
  type Entity = { entity: string; score: number; text: string; start: number; end: number };
  const words = await answer<Entity[]>(direct, '/models/ner/tokens', { text, aggregation: 'words' });
  for (const { text: word, start, end, score } of words) {
    expect(text.slice(start, end)).toBe(word);
    expect(score).toBeGreaterThan(0.2);
  }
  const [grouped] = await answer<Entity[][]>(direct, '/models/ner/tokens', { text: [text] });
  expect(grouped!.length).toBeLessThanOrEqual(words.length);
  for (const { text: part, start, end } of grouped!) expect(text.slice(start, end)).toBe(part);
  expect(words.length).toBeGreaterThan(0);
  expect((await post(plain, '/models/ner/tokens', { text })).status).toBe(404);
});

test('a task that a model does not have is named', async () => {
  expect(await post(direct, '/models/finbert/embed', { text })).toMatchObject({
    status: 404,
    body: { error: "model 'finbert' has no route /embed; it has /classify" },
  });
  expect(await post(direct, '/models/finbert/classify', { text, topk: 1 })).toMatchObject({
    status: 400,
    body: { error: "body: unknown field 'topk'; this route takes 'text', 'top_k'" },
  });
  expect(await post(direct, '/models/finbert/classify', { text, top_k: 0 })).toMatchObject({
    status: 400,
    body: { field: 'top_k' },
  });
});

describe('OpenAI’s embeddings', () => {
  interface Embeddings {
    data: { index: number; embedding: number[] | string }[];
    usage: { prompt_tokens: number };
  }
  const path = '/v1/embeddings';

  test('of texts, as numbers and in base64, with the tokens counted alike by both paths', async () => {
    const own = await answer<number[]>(direct, '/models/sentence/embed', { text });
    const counts: number[] = [];
    for (const proxy of [direct, plain]) {
      const one = await answer<Embeddings>(proxy, path, { model: 'sentence', input: text });
      close(one.data[0]!.embedding as number[], own);
      const several = await answer<Embeddings>(proxy, path, {
        ...{ model: 'sentence', input: [text, 'the'], encoding_format: 'base64', dimensions: 4, user: 'me' },
      });
      expect(several.data.map(({ index }) => index)).toEqual([0, 1]);
      const bytes = Buffer.from(several.data[0]!.embedding as string, 'base64');
      const cut = Array.from({ length: 4 }, (_, at) => bytes.readFloatLE(4 * at));
      close(
        cut,
        own.slice(0, 4).map((value) => value / norm(own.slice(0, 4))),
      );
      counts.push(one.usage.prompt_tokens, several.usage.prompt_tokens);
    }
    expect(counts.slice(2)).toEqual(counts.slice(0, 2));
    // [CLS] t ##h ##e [SEP]
    expect(counts[1]! - counts[0]!).toBe(5);
  });

  test('of tokens', async () => {
    const { input_ids } = await answer<{ input_ids: number[] }>(plain, '/models/sentence-tokenizer', { text });
    const own = await answer<number[]>(direct, '/models/sentence/embed', { text });
    const one = await answer<Embeddings>(direct, path, { model: 'sentence', input: input_ids });
    close(one.data[0]!.embedding as number[], own);
    expect(one.usage.prompt_tokens).toBe(input_ids.length);
    const several = await answer<Embeddings>(direct, path, {
      model: 'sentence',
      input: [input_ids, input_ids.slice(0, 3)],
    });
    expect(several.data).toHaveLength(2);
    expect((await post(plain, path, { model: 'sentence', input: input_ids })).status).toBe(501);
  });

  test('errors have OpenAI’s form', async () => {
    expect(await post(direct, path, { model: 'finbert', input: text })).toMatchObject({
      status: 404,
      body: { error: { type: 'invalid_request_error', param: 'model' } },
    });
    expect(await post(direct, path, { model: 'sentence', input: [] })).toMatchObject({
      status: 400,
      body: { error: { param: 'input' } },
    });
    const tooMany = { model: 'sentence', input: text, dimensions: 100_000 };
    expect(await post(direct, path, tooMany)).toMatchObject({ status: 400, body: { error: { param: 'dimensions' } } });
    expect(await post(direct, path, { model: 'sentence', input: [1, -2] })).toMatchObject({
      status: 400,
      body: { error: { param: 'input[1]' } },
    });
  });

  test('the models that embed are listed', async () => {
    const models = (await (await fetch(`${direct.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(models.data.map(({ id }) => id)).toEqual(['encoder', 'sentence']);
    expect((await fetch(`${direct.url}/v1/models/sentence`)).status).toBe(200);
    expect((await fetch(`${direct.url}/v1/models/finbert`)).status).toBe(404);
  });
});

test('the OpenAPI document has a route for each task', async () => {
  const { paths } = (await (await fetch(`${direct.url}/openapi.json`)).json()) as { paths: Record<string, unknown> };
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/models/finbert/classify',
      '/models/sentence/embed',
      '/models/reranker/rerank',
      '/models/ner/tokens',
      '/v1/embeddings',
      '/v1/models',
    ]),
  );
});
