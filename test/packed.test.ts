import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../src/base/index.ts';
import { Engine } from '../src/engine/index.ts';
import { tensor } from '../src/engine/testing/repository.ts';
import { check, compileDeployment, openRepository } from '../src/index.ts';

// Packed models beside padded ones, served through their tokenizers by the embedded engine: the answers are the same.
const root = resolve(import.meta.dirname, '..');
const example = join(root, 'examples/finbert/checkpoint');
const golden = (name: string) => join(root, 'test/golden/encoders', name);
let folder: string;
let engine: Engine;
let texts: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-packed-'));
  const tokens = join(folder, 'tokens');
  const sentence = join(folder, 'sentence');
  const ranker = join(folder, 'ranker');
  for (const [from, to] of [
    ['bert-token-classification', tokens],
    ['sentence-many', sentence],
    ['bert-reranker', ranker],
  ] as const) {
    await cp(golden(from), to, { recursive: true });
    await cp(join(example, 'tokenizer_config.json'), join(to, 'tokenizer_config.json'));
    const words = Array.from({ length: 55 }, (_, index) => `w${index}`);
    await writeFile(join(to, 'vocab.txt'), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'));
  }
  const models = Object.fromEntries(
    (['padded', 'packed'] as const).flatMap((layout) => [
      [`finbert-${layout}`, { checkpoint: example, layout }],
      [`tokens-${layout}`, { checkpoint: tokens, layout }],
      [`sentence-${layout}`, { checkpoint: sentence, layout }],
      [`ranker-${layout}`, { checkpoint: ranker, layout }],
    ]),
  );
  const loaded = { deployment: { repository: 'models', models }, file: undefined, baseDir: folder };
  const { repository } = await compileDeployment(loaded, {});
  engine = await Engine.open({ repository, logger: createLogger('silent') });
  const lines = await readFile(join(root, 'examples/finbert/expected.jsonl'), 'utf8');
  texts = lines
    .trim()
    .split('\n')
    .slice(0, 24)
    .map((line) => (JSON.parse(line) as { text: string }).text);
});

afterAll(async () => {
  await engine?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The model's one output for a request of these texts. */
async function ask(model: string, ...asked: readonly string[]): Promise<{ shape: readonly number[]; data: number[] }> {
  const { outputs } = await engine.infer({ model, inputs: [tensor('text', 'BYTES', [asked.length, 1], asked)] });
  return { shape: outputs[0]!.shape, data: Array.from(outputs[0]!.data as Float32Array) };
}

function worst(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - b[index]!)));
}

const counts = (model: string) => {
  const { inference_count, execution_count } = engine.statistics(model)[0]!;
  return { rows: inference_count, runs: execution_count };
};

test('the checker has nothing against packed models', async () => {
  const found = check(await openRepository(join(folder, 'models'), { inspect: true }));
  expect(found.filter(({ model }) => model?.includes('packed'))).toEqual([]);
});

test("texts of many lengths, asked at once, get the padded model's logits, in batches", async () => {
  const before = counts('finbert-packed-model');
  const packed = await Promise.all(texts.map((text) => ask('finbert-packed', text)));
  const padded = await Promise.all(texts.map((text) => ask('finbert-padded', text)));
  for (const [index, { shape, data }] of packed.entries()) {
    expect(shape).toEqual([1, 3]);
    expect(worst(data, padded[index]!.data)).toBeLessThan(1e-5);
  }
  const after = counts('finbert-packed-model');
  expect(after.rows - before.rows).toBe(texts.length);
  expect(after.runs - before.runs).toBeLessThan(texts.length / 2);
});

test('several texts in one request, beside other requests', async () => {
  const groups = [texts.slice(0, 5), texts.slice(5, 6), texts.slice(6, 9)];
  const packed = await Promise.all(groups.map((group) => ask('finbert-packed', ...group)));
  for (const [index, group] of groups.entries()) {
    expect(packed[index]!.shape).toEqual([group.length, 3]);
    const padded = await Promise.all(group.map((text) => ask('finbert-padded', text)));
    expect(
      worst(
        packed[index]!.data,
        padded.flatMap(({ data }) => data),
      ),
    ).toBeLessThan(1e-5);
  }
});

test('an empty text, and one that is too long', async () => {
  for (const text of ['', 'profit '.repeat(2000)]) {
    const [packed, padded] = await Promise.all([ask('finbert-packed', text), ask('finbert-padded', text)]);
    expect(worst(packed.data, padded.data)).toBeLessThan(1e-5);
  }
});

test("token-level outputs come back in the shape of the request, zero beyond a text's end", async () => {
  const asked = [['w1 w2 w3'], ['w4', 'w5 w6 w7 w8 w9', 'w1 w1'], ['w10 w11']];
  const packed = await Promise.all(asked.map((group) => ask('tokens-packed', ...group)));
  const padded = await Promise.all(asked.map((group) => ask('tokens-padded', ...group)));
  expect(packed.map(({ shape }) => shape)).toEqual([[1, 5, 4], [3, 7, 4], [1, 4, 4]]); // biome-ignore format: shapes
  for (const [index, group] of asked.entries()) {
    const [, longest, labels] = packed[index]!.shape as [number, number, number];
    for (const [row, text] of group.entries()) {
      const tokens = text.split(' ').length + 2;
      const part = (data: number[], from: number, to: number) =>
        data.slice((row * longest + from) * labels, (row * longest + to) * labels);
      const [got, expected] = [packed[index]!.data, padded[index]!.data];
      expect(worst(part(got, 0, tokens), part(expected, 0, tokens))).toBeLessThan(1e-5);
      expect(part(got, tokens, longest).every((value) => value === 0)).toBe(true);
    }
  }
});

test('sentence embeddings', async () => {
  const asked = ['w1', 'w2 w3 w4 w5', 'w6 w7', 'w8 '.repeat(40)];
  const packed = await Promise.all(asked.map((text) => ask('sentence-packed', text)));
  const padded = await Promise.all(asked.map((text) => ask('sentence-padded', text)));
  for (const [index, { data }] of packed.entries()) expect(worst(data, padded[index]!.data)).toBeLessThan(1e-5);
});

test('a reranker scores a text with others, in one request or in several', async () => {
  const documents = ['w1 w2', 'w3 w4 w5 w6 w7 w8', 'w2', ''];
  const score = async (model: string, query: string, ...pairs: string[]) => {
    const inputs = [tensor('text', 'BYTES', [pairs.length, 1], new Array(pairs.length).fill(query))];
    inputs.push(tensor('text_pair', 'BYTES', [pairs.length, 1], pairs));
    return Array.from((await engine.infer({ model, inputs })).outputs[0]!.data as Float32Array);
  };
  const padded = await score('ranker-padded', 'w2 w9', ...documents);
  expect(new Set(padded).size).toBe(4);
  expect(worst(await score('ranker-packed', 'w2 w9', ...documents), padded)).toBeLessThan(1e-5);
  const each = await Promise.all(documents.map((document) => score('ranker-packed', 'w2 w9', document)));
  expect(worst(each.flat(), padded)).toBeLessThan(1e-5);
  // By itself a text is no pair with an empty one.
  expect(worst((await ask('ranker-packed', 'w2 w9')).data, padded.slice(3))).toBeGreaterThan(1e-3);
});

test('one request of all lengths shares a run with others; a text beyond the positions spoils only itself', async () => {
  const send = async (ids: number[][]) => {
    const shape = [ids.length, ids[0]!.length];
    const integers = (name: string, values: number[]) => tensor(name, 'INT64', shape, values);
    const flat = ids.flat();
    const { outputs } = await engine.infer({
      model: 'finbert-packed-model',
      inputs: [
        integers('input_ids', flat),
        integers(
          'attention_mask',
          flat.map((id) => Math.min(1, id)),
        ),
        integers(
          'token_type_ids',
          flat.map(() => 0),
        ),
      ],
    });
    return Array.from(outputs[0]!.data as Float32Array);
  };
  const short = [2, 10, 11, 3];
  const alone = await send([short]);
  const before = counts('finbert-packed-model');
  const long = new Array(300).fill(9);
  const answers = await Promise.all([
    send([long]),
    send([short]),
    send([
      [...short, 0, 0],
      [2, 12, 13, 14, 15, 3],
    ]),
  ]);
  expect(counts('finbert-packed-model')).toEqual({ rows: before.rows + 4, runs: before.runs + 1 });
  expect(answers[0]!.every(Number.isNaN)).toBe(true);
  expect(worst(answers[1]!, alone)).toBeLessThan(1e-5);
  expect(worst(answers[2]!.slice(0, 3), alone)).toBeLessThan(1e-5);
});

test('packed needs a batch', async () => {
  const models = { m: { checkpoint: example, layout: 'packed' as const, max_batch_size: 0 } };
  const compiled = compileDeployment({ deployment: { models }, file: undefined, baseDir: folder }, {});
  await expect(compiled).rejects.toThrow('models.m.layout: packed needs a batch to pack, max_batch_size is 0');
});
