// biome-ignore-all lint/suspicious/noExplicitAny: tests edit JSON of any shape.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/index.ts';
import { readSentenceModules } from './sentence-modules.ts';

const golden = join(import.meta.dirname, '../../test/golden/encoders');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-sentence-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function read(name: string, edits: Record<string, (json: any) => any> = {}) {
  await cp(join(golden, name), dir, { recursive: true });
  for (const [file, edit] of Object.entries(edits)) {
    const path = join(dir, file);
    const json = JSON.parse(await readFile(path, 'utf8').catch(() => '{}'));
    await writeFile(path, JSON.stringify(edit(json) ?? json));
  }
  return readSentenceModules(await openCheckpoint(dir));
}

test('modules as sentence-transformers writes them, and as it wrote them before', async () => {
  expect(await read('sentence-many')).toMatchObject({
    pooling: ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'],
    modules: [{ kind: 'norm' }, { kind: 'dense', inputs: 96, outputs: 5, activation: 'identity', bias: true }],
    maxLength: 20,
    files: [
      'modules.json',
      'sentence_bert_config.json',
      '1_Pooling/config.json',
      '2_LayerNorm/config.json',
      '2_LayerNorm/model.safetensors',
      '3_Dense/config.json',
      '3_Dense/model.safetensors',
    ],
  });
  const old = { word_embedding_dimension: 16, pooling_mode_cls_token: true, pooling_mode_lasttoken: true };
  expect(await read('sentence-mean', { '1_Pooling/config.json': () => old })).toMatchObject({
    pooling: ['cls', 'lasttoken'],
    modules: [{ kind: 'unit-length' }],
  });
  expect(await read('sentence-mean', { '1_Pooling/config.json': () => ({}) })).toMatchObject({ pooling: ['mean'] });
});

test('a folder without modules, or with none that pools, is no sentence encoder', async () => {
  expect(await read('bert-reranker')).toBeUndefined();
  expect(await read('sentence-mean', { 'modules.json': (json) => json.slice(0, 1) })).toBeUndefined();
});

test.each<[string, string, (json: any) => any, string]>([
  [
    'a module between',
    'modules.json',
    (json) => json.splice(1, 0, { path: '', type: 'sentence_transformers.models.CNN' }) && json,
    'sentence_transformers.models.CNN stands',
  ],
  [
    'no transformer first',
    'modules.json',
    (json) => json.slice(1),
    'the first module is sentence_transformers.models.P',
  ],
  [
    'another module',
    'modules.json',
    (json) => [...json, { path: '', type: 'sentence_transformers.models.LSTM' }],
    'module sentence_transformers.models.LSTM cannot be compiled',
  ],
  [
    'lowering',
    'sentence_bert_config.json',
    (json) => ({ ...json, do_lower_case: true }),
    'do_lower_case true: the text',
  ],
  [
    'a prompt',
    'config_sentence_transformers.json',
    () => ({ prompts: { query: 'query: ' }, default_prompt_name: 'query' }),
    "default_prompt_name 'query': a prompt before every text cannot be compiled",
  ],
  [
    'another mode',
    '1_Pooling/config.json',
    (json) => ({ ...json, pooling_mode: 'median' }),
    "pooling_mode 'median' cannot",
  ],
  [
    'an old switch for another mode',
    '1_Pooling/config.json',
    () => ({ pooling_mode_median: true }),
    'pooling_mode_median cannot be compiled; known are pooling_mode_cls_token',
  ],
  [
    'another activation',
    '2_Dense/config.json',
    (json) => ({ ...json, activation_function: 'torch.nn.modules.activation.Softplus' }),
    "activation_function 'torch.nn.modules.activation.Softplus' cannot be compiled; known are torch.nn's Identity",
  ],
  ['a residual', '2_Dense/config.json', (json) => ({ ...json, use_residual: true }), 'use_residual true: a residual'],
  [
    'a layer on tokens',
    '2_Dense/config.json',
    (json) => ({ ...json, module_input_name: 'token_embeddings' }),
    "module_input_name 'token_embeddings': only sentence_embedding can be",
  ],
])('refused: %s', async (_, file, edit, problem) => {
  const error: any = await read('sentence-cls-dense', { [file]: edit }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'CHECKPOINT_UNSUPPORTED', where: { file: join(dir, file) } });
  expect(error.message).toContain(problem);
});

test('a module without its weights', async () => {
  await cp(join(golden, 'sentence-cls-dense'), dir, { recursive: true });
  await rm(join(dir, '2_Dense/model.safetensors'));
  const checkpoint = await openCheckpoint(dir);
  await expect(readSentenceModules(checkpoint)).rejects.toThrow(
    '2_Dense has neither model.safetensors nor pytorch_model.bin',
  );
});

test('a path that leads out of the folder', async () => {
  const outside = read('sentence-mean', {
    'modules.json': ([first, pooling]) => [first, { ...pooling, path: '../x' }],
  });
  await expect(outside).rejects.toThrow('expected the name of a folder beside it');
});
