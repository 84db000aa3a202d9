import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import type { Layout } from './architectures/index.ts';
import { compileDeployment, deploymentOf } from './index.ts';

// What a checkpoint's task means for the models in the repository.
const golden = join(import.meta.dirname, '../../test/golden/encoders');
let dir: string;
let repository: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-text-'));
  repository = join(dir, 'models');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const words = Array.from({ length: 55 }, (_, index) => `word${index}`);

/** The model `m` of a golden checkpoint with a tokenizer of whole words. */
async function compile(name: string, change: { max_length?: number; layout?: Layout; text_pair?: boolean } = {}) {
  const checkpoint = join(dir, name);
  await cp(join(golden, name), checkpoint, { recursive: true });
  await writeFile(join(checkpoint, 'vocab.txt'), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].join('\n'));
  await writeFile(join(checkpoint, 'tokenizer_config.json'), '{"tokenizer_class":"BertTokenizer"}');
  const loaded = deploymentOf({ checkpoint, name: 'm' });
  Object.assign(loaded.deployment.models.m!, change);
  return (await compileDeployment(loaded, { repository })).models;
}

async function config(model: string) {
  return parseConfig(await readFile(join(repository, model, 'config.pbtxt'), 'utf8')).config;
}
const manifest = async (model: string) => JSON.parse(await readFile(join(repository, model, 'conch.json'), 'utf8'));
const labelsOf = (model: string) => readFile(join(repository, model, 'labels.txt'), 'utf8').catch(() => undefined);

test('a token classifier: logits of every token, labels beside the configuration', async () => {
  await compile('bert-token-classification');
  for (const model of ['m', 'm-model']) {
    expect((await config(model)).output).toEqual([{ name: 'logits', data_type: 'TYPE_FP32', dims: [-1, 4] }]);
    expect(await labelsOf(model)).toBe('O\nB-PER\nI-PER\nB-ORG\n');
  }
  expect(await manifest('m-model')).toMatchObject({
    task: 'token-classification',
    labels: ['O', 'B-PER', 'I-PER', 'B-ORG'],
  });
});

test('several labels at once are said, in config and manifest', async () => {
  await compile('bert-multi-label');
  for (const model of ['m', 'm-model']) {
    expect(await config(model)).toMatchObject({
      output: [{ name: 'logits', label_filename: 'labels.txt' }],
      parameters: { problem_type: { string_value: 'multi_label_classification' } },
    });
  }
  expect(await manifest('m-model')).toMatchObject({
    task: 'text-classification',
    problemType: 'multi_label_classification',
  });
});

test('a reranker: two texts, the second of which may be left out, and one score without a label', async () => {
  await compile('bert-reranker');
  for (const model of ['m', 'm-tokenizer']) {
    expect((await config(model)).input).toEqual([
      { name: 'text', data_type: 'TYPE_STRING', dims: [1] },
      { name: 'text_pair', data_type: 'TYPE_STRING', dims: [1], optional: true },
    ]);
  }
  expect((await config('m')).output).toEqual([{ name: 'logits', data_type: 'TYPE_FP32', dims: [1] }]);
  expect(await labelsOf('m')).toBeUndefined();
  expect(await manifest('m-model')).toMatchObject({ task: 'text-ranking' });
});

test('two texts where the deployment says so, and none where it says no', async () => {
  await compile('distilbert', { text_pair: true });
  expect((await config('m')).input!.map(({ name }) => name)).toEqual(['text', 'text_pair']);
  await compile('bert-reranker', { text_pair: false });
  expect((await config('m')).input!.map(({ name }) => name)).toEqual(['text']);
});

test('a sentence encoder: one vector, texts cut where sentence-transformers cuts them', async () => {
  await compile('sentence-cls-dense');
  expect((await config('m')).output).toEqual([{ name: 'sentence_embedding', data_type: 'TYPE_FP32', dims: [6] }]);
  expect((await config('m-tokenizer')).parameters!.max_length!.string_value).toBe('20');
  expect(await manifest('m-model')).toMatchObject({ task: 'sentence-similarity', maxLength: 32, maxSeqLength: 20 });
  await rm(repository, { recursive: true });
  await compile('sentence-cls-dense', { max_length: 30 });
  expect((await config('m-tokenizer')).parameters!.max_length!.string_value).toBe('30');
});

test('the layout of 2019 to 2021, with the encoder in a folder of its own', async () => {
  const checkpoint = join(dir, 'old');
  const encoder = join(checkpoint, '0_Transformer');
  await compile('sentence-cls-dense');
  await cp(join(dir, 'sentence-cls-dense'), encoder, { recursive: true });
  for (const name of ['1_Pooling', '2_Dense', 'modules.json'])
    await rename(join(encoder, name), join(checkpoint, name));
  const modules = JSON.parse(await readFile(join(checkpoint, 'modules.json'), 'utf8'));
  modules[0].path = '0_Transformer';
  await writeFile(join(checkpoint, 'modules.json'), JSON.stringify(modules));
  await compileDeployment(deploymentOf({ checkpoint, name: 'n' }), { repository });
  const [now, old] = [await manifest('m-model'), await manifest('n-model')];
  expect(old).toMatchObject({ task: 'sentence-similarity', maxSeqLength: 20 });
  expect(old.artifacts['1/model.onnx']).toEqual(now.artifacts['1/model.onnx']);
});

test('a module behind the encoder that changes builds the model anew', async () => {
  await compile('sentence-mean');
  const again = await compile('sentence-mean');
  expect(again.map(({ action }) => action)).toEqual(['unchanged', 'unchanged', 'unchanged']);
  const pooling = join(dir, 'sentence-mean/1_Pooling/config.json');
  await writeFile(pooling, '{"pooling_mode":"max"}');
  const loaded = deploymentOf({ checkpoint: join(dir, 'sentence-mean'), name: 'm' });
  const { models } = await compileDeployment(loaded, { repository });
  expect(models.map(({ name, action }) => [name, action])).toEqual([
    ['m-tokenizer', 'unchanged'],
    ['m-model', 'built'],
    ['m', 'unchanged'],
  ]);
});

test('models without token types ask their tokenizer for none', async () => {
  await compile('distilbert');
  expect((await config('m-tokenizer')).output!.map(({ name }) => name)).toEqual(['input_ids', 'attention_mask']);
});

test('a packed model: ragged inputs, the length of each text, token-level outputs dealt out by them', async () => {
  await compile('bert-token-classification', { layout: 'packed' });
  expect(await config('m-model')).toMatchObject({
    max_batch_size: 32,
    input: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
      name,
      dims: [-1],
      allow_ragged_batch: true,
    })),
    output: [{ name: 'logits', dims: [-1, 4] }],
    batch_input: [
      {
        kind: 'BATCH_ITEM_SHAPE_FLATTEN',
        target_name: ['text_lengths'],
        data_type: 'TYPE_INT32',
        source_input: ['input_ids'],
      },
    ],
    batch_output: [{ kind: 'BATCH_SCATTER_WITH_INPUT_SHAPE', target_name: ['logits'], source_input: ['input_ids'] }],
    parameters: { 'conch.max_batch_tokens': { string_value: '2048' } },
  });
  expect(await manifest('m-model')).toMatchObject({ layout: 'packed', perToken: ['logits'] });
  expect((await config('m-tokenizer')).output!.map(({ name }) => name)).toEqual([
    'input_ids',
    'attention_mask',
    'token_type_ids',
  ]);
  expect((await compile('bert-token-classification')).find(({ name }) => name === 'm-model')!.action).toBe('built');
});
