import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { type Checkpoint, checkConfig, openCheckpoint } from './index.ts';
import { dictionary, storage, stream, tensor } from './pytorch/testing/pickles.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-checkpoint-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A safetensors file of FP32 tensors, each filled with its index. */
function weights(...names: string[]): Buffer {
  const entries = names.map((name, index) => [
    name,
    { dtype: 'F32', shape: [2], data_offsets: [8 * index, 8 * index + 8] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  const data = Float32Array.from({ length: 2 * names.length }, (_, index) => index >> 1);
  return Buffer.concat([size, header, new Uint8Array(data.buffer)]);
}

async function fill(files: Record<string, unknown>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
    await writeFile(join(dir, name), text);
  }
  return dir;
}

const config = { model_type: 'bert', architectures: ['BertModel'], extra: { kept: true } };
const shard = (number: number) => `model-0000${number}-of-00002.safetensors`;

test('one file', async () => {
  const id2label = { 1: 'no', 0: 'yes' };
  const opened = await openCheckpoint(
    await fill({ 'config.json': { ...config, id2label }, 'model.safetensors': weights('a', 'b') }),
  );
  expect(opened).toMatchObject({
    dir,
    architecture: 'BertModel',
    modelType: 'bert',
    configFile: join(dir, 'config.json'),
  });
  expect(opened.labels).toEqual(['yes', 'no']);
  expect(opened.config).toMatchObject({ extra: { kept: true } });
  expect(opened.files).toEqual(['config.json', 'model.safetensors']);
  expect([...opened.tensors.keys()]).toEqual(['a', 'b']);
  for await (const chunk of opened.read('b'))
    expect(Array.from(new Float32Array(chunk.slice().buffer))).toEqual([1, 1]);
  expect(() => opened.read('c')).toThrow(`${dir}: the checkpoint has no tensor 'c'`);
});

test('shards', async () => {
  const weight_map = { a: shard(1), b: shard(2), c: shard(1) };
  const opened = await openCheckpoint(
    await fill({
      'config.json': {},
      'model.safetensors.index.json': { metadata: { total_size: 24 }, weight_map },
      [shard(1)]: weights('a', 'c'),
      [shard(2)]: weights('b'),
    }),
  );
  expect(opened).toMatchObject({ architecture: '', modelType: '', labels: [] });
  expect(opened.files).toEqual(['config.json', 'model.safetensors.index.json', shard(1), shard(2)]);
  expect([...opened.tensors.keys()].sort()).toEqual(['a', 'b', 'c']);
});

/** A state dict of FP32 tensors as torch.save wrote it before 1.6, each filled with its index. */
function pickled(...names: string[]): Buffer {
  const entries = names.map((name, index) => [name, tensor({ storage: storage(`${index}`, 2) })]);
  const data = names.map((_, index) => [`${index}`, Float32Array.of(index, index)]);
  return stream(dictionary(Object.fromEntries(entries)), Object.fromEntries(data));
}

const pickledShard = (number: number) => `pytorch_model-0000${number}-of-00002.bin`;

async function firstValues({ tensors, read }: Checkpoint): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const name of tensors.keys()) {
    for await (const chunk of read(name)) values[name] = Buffer.from(chunk).readFloatLE();
  }
  return values;
}

test('pytorch_model.bin, and names of 2018 to 2020', async () => {
  const opened = await openCheckpoint(
    await fill({ 'config.json': config, 'pytorch_model.bin': pickled('a', 'x.LayerNorm.gamma', 'x.LayerNorm.beta') }),
  );
  expect(opened.files).toEqual(['config.json', 'pytorch_model.bin']);
  expect(await firstValues(opened)).toEqual({ a: 0, 'x.LayerNorm.weight': 1, 'x.LayerNorm.bias': 2 });
  expect(opened.tensors.get('x.LayerNorm.weight')?.name).toBe('x.LayerNorm.weight');
});

test('pytorch_model.bin in shards', async () => {
  const weight_map = { a: pickledShard(1), b: pickledShard(2), 'x.LayerNorm.gamma': pickledShard(2) };
  const opened = await openCheckpoint(
    await fill({
      'config.json': config,
      'pytorch_model.bin.index.json': { weight_map },
      [pickledShard(1)]: pickled('a'),
      [pickledShard(2)]: pickled('x.LayerNorm.gamma', 'b'),
    }),
  );
  expect(opened.files).toEqual(['config.json', 'pytorch_model.bin.index.json', pickledShard(1), pickledShard(2)]);
  expect(await firstValues(opened)).toEqual({ a: 0, 'x.LayerNorm.weight': 0, b: 1 });
});

test('safetensors come before pickles', async () => {
  const opened = await openCheckpoint(
    await fill({ 'config.json': config, 'model.safetensors': weights('a'), 'pytorch_model.bin': pickled('b') }),
  );
  expect([...opened.tensors.keys()]).toEqual(['a']);
});

test('one parameter under both names is refused', async () => {
  const files = { 'config.json': config, 'pytorch_model.bin': pickled('x.LayerNorm.weight', 'x.LayerNorm.gamma') };
  await expect(openCheckpoint(await fill(files))).rejects.toThrow("tensor 'x.LayerNorm.gamma' stands in ");
});

const index = (weight_map: unknown) => ({ 'config.json': config, 'model.safetensors.index.json': { weight_map } });

test.each<[string, Record<string, unknown>, string, string]>([
  ['no config', { 'model.safetensors': weights('a') }, 'CHECKPOINT_INVALID', 'has no config.json that can be read'],
  ['broken config', { 'config.json': '{' }, 'CHECKPOINT_INVALID', 'config.json is not JSON: '],
  ['config is a list', { 'config.json': [] }, 'CHECKPOINT_INVALID', "config.json: field '(the file)' is []: "],
  [
    'architectures is text',
    { 'config.json': { architectures: 'Bert' } },
    'CHECKPOINT_INVALID',
    'config.json: field \'architectures\' is "Bert": ',
  ],
  [
    'label is a number',
    { 'config.json': { id2label: { 0: 5 } } },
    'CHECKPOINT_INVALID',
    "config.json: field 'id2label.0' is 5: ",
  ],
  [
    'no weights',
    { 'config.json': config },
    'CHECKPOINT_INVALID',
    'has neither model.safetensors nor pytorch_model.bin, nor an index',
  ],
  [
    'pickled weights',
    { 'config.json': config, 'pytorch_model.bin': '' },
    'CHECKPOINT_INVALID',
    'pytorch_model.bin: 0 bytes that are neither a ZIP archive nor a pickle',
  ],
  [
    'TensorFlow weights',
    { 'config.json': config, 'tf_model.h5': '' },
    'CHECKPOINT_UNSUPPORTED',
    'has its weights in tf_model.h5; safetensors and pytorch_model.bin can be read',
  ],
  [
    'broken weights',
    { 'config.json': config, 'model.safetensors': 'x' },
    'SAFETENSORS_INVALID',
    'model.safetensors: 1 bytes are too few',
  ],
  [
    'broken index',
    { 'config.json': config, 'model.safetensors.index.json': '{' },
    'CHECKPOINT_INVALID',
    'index.json: the index is not JSON',
  ],
  [
    'index without map',
    { 'config.json': config, 'model.safetensors.index.json': {} },
    'CHECKPOINT_INVALID',
    "index.json: field 'weight_map' is missing",
  ],
  ['empty map', index({}), 'CHECKPOINT_INVALID', 'index.json: weight_map is empty'],
  [
    'shard outside',
    index({ a: '../other.safetensors' }),
    'CHECKPOINT_INVALID',
    "'../other.safetensors' is not the name of a .safetensors file in the same folder",
  ],
  [
    'shard of another format',
    { 'config.json': config, 'pytorch_model.bin.index.json': { weight_map: { a: 'a.safetensors' } } },
    'CHECKPOINT_INVALID',
    "'a.safetensors' is not the name of a .bin file in the same folder",
  ],
  ['absolute shard', index({ a: '/etc/x.safetensors' }), 'CHECKPOINT_INVALID', "'/etc/x.safetensors' is not the name"],
  [
    'missing shard',
    index({ a: shard(1), b: shard(2), c: shard(1) }),
    'CHECKPOINT_INVALID',
    `the shard ${shard(1)} with 2 tensors such as 'a' is not in the folder`,
  ],
  [
    'misplaced tensor',
    { ...index({ a: shard(1), b: shard(1) }), [shard(1)]: weights('a') },
    'CHECKPOINT_INVALID',
    `${shard(1)}: tensor 'b' is missing, though model.safetensors.index.json places it here`,
  ],
  [
    'tensor in two shards',
    { ...index({ a: shard(1), b: shard(2) }), [shard(1)]: weights('a', 'b'), [shard(2)]: weights('b') },
    'CHECKPOINT_INVALID',
    `${shard(2)}: tensor 'b' stands in `,
  ],
])('refused: %s', async (_, files, code, problem) => {
  const error = await openCheckpoint(await fill(files)).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ConchError', code });
  expect(error.message).toContain(problem);
  expect(error.message).toContain(dir);
});

test('no folder', async () => {
  await expect(openCheckpoint(join(dir, 'none'))).rejects.toThrow(
    `the checkpoint folder ${join(dir, 'none')} does not exist`,
  );
  await writeFile(join(dir, 'file'), '');
  await expect(openCheckpoint(join(dir, 'file'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
});

test('the fix for weights of other frameworks names the conversion', async () => {
  await mkdir(join(dir, 'sub'));
  await fill({ 'config.json': config, 'flax_model.msgpack': '' });
  const error = await openCheckpoint(dir).catch((thrown) => thrown);
  expect(error.fix).toContain('safe_serialization=True');
  expect(error.fix).toContain('refs/pr/1');
});

test('fields of one architecture are checked the same way', () => {
  const schema = z.looseObject({ sizes: z.array(z.number()) });
  expect(checkConfig(schema, { sizes: [1], more: 2 }, 'config.json')).toEqual({ sizes: [1], more: 2 });
  expect(() => checkConfig(schema, { sizes: [1, 'x'] }, 'dir/config.json')).toThrow(
    'dir/config.json: field \'sizes.1\' is "x": ',
  );
  expect(() => checkConfig(schema, {}, 'dir/config.json')).toThrow("dir/config.json: field 'sizes' is missing: ");
});
