import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCheckpoint } from '../../checkpoint/index.ts';
import { findTarget } from '../../onnx/index.ts';
import { compileEncoder } from '../encoder.ts';

// What changes the numbers of a family and cannot be compiled is refused by its name in config.json.
const golden = join(import.meta.dirname, '../../../test/golden/encoders');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-refused-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function compile(name: string, change: Record<string, unknown>) {
  await cp(join(golden, name), dir, { recursive: true });
  const file = join(dir, 'config.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
  return compileEncoder({ checkpoint: await openCheckpoint(dir), outDir: dir, target: findTarget('embedded') });
}

test.each<[string, Record<string, unknown>, string]>([
  ['distilbert', { activation: 'xielu' }, "activation 'xielu' cannot be compiled"],
  ['distilbert', { n_heads: 3 }, 'dim 16 is not a multiple of n_heads 3'],
  ['distilbert', { pruned_heads: { 0: [1] } }, 'pruned_heads {"0":[1]}: pruned heads cannot be compiled'],
  ['roberta', { is_decoder: true }, 'is_decoder true: decoders cannot be compiled'],
  [
    'roberta',
    { position_embedding_type: 'relative_key_query' },
    'position_embedding_type "relative_key_query": only abs',
  ],
  ['electra', { hidden_act: 'nothing' }, "hidden_act 'nothing' cannot be compiled"],
  ['mpnet', { relative_attention_num_buckets: 64 }, 'relative_attention_num_buckets 64: only 32'],
  ['modernbert', { rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling {"type":"linear","factor":2}: scaled'],
  [
    'modernbert',
    { rope_parameters: { full_attention: { rope_type: 'yarn' } } },
    'rope_parameters {"full_attention":{"rope_type":"yarn"}}: only rope_type default can be compiled',
  ],
  ['modernbert', { layer_types: ['full_attention'] }, 'layer_types ["full_attention"]: num_hidden_layers is 4'],
  ['modernbert', { layer_types: ['a', 'b', 'c', 'd'] }, 'layer_types ["a","b","c","d"]: only full_attention and slid'],
  ['modernbert', { head_dim: 4 }, 'head_dim 4: only hidden_size / num_attention_heads can be compiled'],
  ['modernbert', { classifier_pooling: 'max' }, 'field \'classifier_pooling\' is "max": '],
  ['deberta-v3', { pos_att_type: ['p2p'] }, 'pos_att_type ["p2p"]: \'p2p\' cannot be compiled, only c2p and p2c'],
  ['deberta-v3', { norm_rel_ebd: 'batch_norm' }, 'norm_rel_ebd "batch_norm": only layer_norm and none can be compiled'],
  ['deberta-v3', { pooler_hidden_size: 8 }, 'pooler_hidden_size 8: only hidden_size, 16, can be compiled'],
  [
    'deberta-v3',
    { position_buckets: 1 },
    'position_buckets 1: the farthest distance, 32, must be beyond a half of them',
  ],
  ['deberta-v3', { max_relative_positions: 4 }, 'position_buckets 8: the farthest distance, 4, must be beyond a half'],
  ['modernbert', { num_attention_heads: 16 }, 'num_attention_heads 16: heads of 1 cannot be halved to rotate them'],
  ['deberta-v2-convolution', { conv_kernel_size: 4 }, 'conv_kernel_size 4: only odd sizes keep the length of a text'],
  ['deberta-v2-convolution', { conv_act: 'nothing' }, "conv_act 'nothing' cannot be compiled"],
])('%s with %j is refused', async (name, change, problem) => {
  const error = await compile(name, change).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ConchError', code: expect.stringMatching(/^CHECKPOINT_/) });
  expect(error.message).toContain(problem);
  expect(error.message).toContain(join(dir, 'config.json'));
});

test('longest texts leave out what positions begin with', async () => {
  expect(await compile('roberta', {})).toMatchObject({ maxLength: 30, task: 'text-classification' });
  expect(await compile('mpnet', {})).toMatchObject({ maxLength: 298 });
});

test('what a classifier was trained as is said, and a single score is a ranking', async () => {
  expect(await compile('bert-multi-label', {})).toMatchObject({ problemType: 'multi_label_classification' });
  expect(await compile('bert-reranker', {})).toMatchObject({ task: 'text-ranking', labels: ['label 0'] });
  expect(await compile('bert-reranker', { problem_type: 'regression' })).toMatchObject({ task: 'text-classification' });
  const activation_fn = 'torch.nn.modules.linear.Identity';
  expect(await compile('bert-reranker', { sentence_transformers: { activation_fn } })).toMatchObject({
    scoreActivation: activation_fn,
  });
});
