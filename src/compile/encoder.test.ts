import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCheckpoint, openSafetensors } from '../checkpoint/index.ts';
import { findTarget, readOnnx } from '../onnx/index.ts';
import { readTokenizer } from '../text/index.ts';
import { compileEncoder, type EncoderOptions } from './encoder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const golden = (name: string) => join(root, 'test/golden', name);
const tiny = golden('tiny-bert');

let dir: string;
let outDir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-encoder-'));
  outDir = join(dir, 'out');
  await mkdir(outDir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function compile(checkpoint: string, options: Partial<EncoderOptions> = {}) {
  return compileEncoder({
    checkpoint: await openCheckpoint(checkpoint),
    outDir,
    target: findTarget('embedded'),
    ...options,
  });
}

type Texts = Record<string, number[][]>;

async function run(inputs: Texts, output = 'logits'): Promise<number[]> {
  const session = await InferenceSession.create(join(outDir, 'model.onnx'));
  const feeds = Object.entries(inputs).map(([name, texts]) => {
    const tensor = new Tensor('int64', BigInt64Array.from(texts.flat(), BigInt), [texts.length, texts[0]!.length]);
    return [name, tensor] as const;
  });
  const outputs = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Array.from(outputs[output]!.data as Float32Array);
}

const worst = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, index) => Math.abs(value - b[index]!)));

async function batches(name: string): Promise<{ inputs: Texts; outputs: { logits: number[][] } }[]> {
  return (await readFile(join(golden(name), 'batches.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A copy of the tiny checkpoint with its configuration and tensors changed. */
async function changed(
  config: Record<string, unknown>,
  edit: (tensors: Map<string, { dtype: string; shape: readonly number[]; data: Buffer }>) => void = () => {},
): Promise<string> {
  const copy = join(dir, 'checkpoint');
  await mkdir(copy);
  const original = JSON.parse(await readFile(join(tiny, 'config.json'), 'utf8'));
  await writeFile(join(copy, 'config.json'), JSON.stringify({ ...original, ...config }));
  const file = await openSafetensors(join(tiny, 'model.safetensors'));
  const tensors = new Map<string, { dtype: string; shape: readonly number[]; data: Buffer }>();
  for (const { name, dtype, shape } of file.tensors.values()) {
    const chunks: Buffer[] = [];
    for await (const chunk of file.read(name)) chunks.push(Buffer.from(chunk));
    tensors.set(name, { dtype, shape, data: Buffer.concat(chunks) });
  }
  edit(tensors);
  const header: Record<string, object> = {};
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  await writeFile(
    join(copy, 'model.safetensors'),
    Buffer.concat([size, text, ...[...tensors.values()].map(({ data }) => data)]),
  );
  return copy;
}

test.each([
  ['tiny-bert', 'embedded', 20],
  ['tiny-bert', 'triton:24.01', 19],
  ['tiny-bert-half', 'triton:latest', 20],
])('%s for %s gives the logits of PyTorch', async (name, target, opset) => {
  const compiled = await compile(golden(name), { target: findTarget(target) });
  expect(compiled).toMatchObject({ opset, files: ['model.onnx'], maxLength: 32 });
  expect((await readOnnx(join(outDir, 'model.onnx'))).opsets).toEqual([{ domain: '', version: opset }]);
  for (const { inputs, outputs } of await batches(name)) {
    expect(worst(await run(inputs), outputs.logits.flat())).toBeLessThan(1e-5);
  }
});

test('what is compiled is described', async () => {
  const { bytes, ...compiled } = await compile(tiny);
  const ids = (name: string) => ({ name, datatype: 'INT64', dims: [-1] });
  expect(compiled).toEqual({
    inputs: [ids('input_ids'), ids('attention_mask'), ids('token_type_ids')],
    outputs: [{ name: 'logits', datatype: 'FP32', dims: [5] }],
    files: ['model.onnx'],
    opset: 20,
    irVersion: 9,
    parameters: 7429,
    maxLength: 32,
    labels: ['very bad', 'bad', 'so-so', 'good', 'very good'],
    task: 'text-classification',
    layout: 'padded',
  });
  expect(bytes).toBe((await readFile(join(outDir, 'model.onnx'))).length);
  const { inputs, outputs } = await readOnnx(join(outDir, 'model.onnx'));
  expect(inputs.map(({ shape }) => shape)).toEqual(new Array(3).fill(['batch', 'sequence']));
  expect(outputs).toEqual([{ name: 'logits', datatype: 'FP32', onnxType: 1, shape: ['batch', 5] }]);
});

test("the example's checkpoint gives the logits of PyTorch on its held-out sentences", async () => {
  const checkpoint = join(root, 'examples/finbert/checkpoint');
  const { maxLength } = await compile(checkpoint);
  const tokenizer = await readTokenizer(checkpoint, { maxLength: maxLength! });
  const lines = (await readFile(join(root, 'examples/finbert/expected.jsonl'), 'utf8')).trim().split('\n').slice(0, 40);
  const expected = lines.map((line) => JSON.parse(line) as { text: string; logits: number[] });
  const { batch, length, ...tensors } = tokenizer.encodeBatch(expected.map(({ text }) => text));
  const rows = (data: BigInt64Array) =>
    Array.from({ length: batch }, (_, row) => Array.from(data.subarray(row * length, (row + 1) * length), Number));
  const inputs = Object.fromEntries(Object.entries(tensors).map(([name, data]) => [name, rows(data)]));
  expect(
    worst(
      await run(inputs),
      expected.flatMap(({ logits }) => logits),
    ),
  ).toBeLessThan(1e-4);
});

test('padding changes nothing, and a text that is all padding is no NaN', async () => {
  await compile(tiny);
  const alone = await run({ input_ids: [[2, 83, 3]], attention_mask: [[1, 1, 1]], token_type_ids: [[0, 0, 0]] });
  const beside = await run({
    input_ids: [
      [2, 83, 3, 9, 9],
      [0, 0, 0, 0, 0],
    ],
    attention_mask: [
      [1, 1, 1, 0, 0],
      [0, 0, 0, 0, 0],
    ],
    token_type_ids: [
      [0, 0, 0, 0, 1],
      [0, 0, 0, 0, 0],
    ],
  });
  expect(worst(alone, beside)).toBeLessThan(1e-6);
  expect(beside.every(Number.isFinite)).toBe(true);
});

test('an encoder alone gives hidden states, with and without prefix, and under old tensor names', async () => {
  const config = { architectures: ['BertModel'] };
  const { inputs, outputs } = (await batches('tiny-bert'))[1]!;
  const plain = await compile(await changed(config));
  expect(plain.outputs).toEqual([{ name: 'last_hidden_state', datatype: 'FP32', dims: [-1, 16] }]);
  expect(plain.labels).toBeUndefined();
  const hidden = await run(inputs, 'last_hidden_state');
  const file = await openSafetensors(join(tiny, 'model.safetensors'));
  const floats = async (name: string) => {
    for await (const chunk of file.read(name)) return Array.from(new Float32Array(chunk.slice().buffer));
    return [];
  };
  const layer = async (input: number[], name: string) => {
    const [weight, bias] = [await floats(`${name}.weight`), await floats(`${name}.bias`)];
    return bias.map((start, out) =>
      input.reduce((sum, value, at) => sum + value * weight[out * input.length + at]!, start),
    );
  };
  const pooled = (await layer(hidden.slice(0, 16), 'bert.pooler.dense')).map(Math.tanh);
  expect(worst(await layer(pooled, 'classifier'), outputs.logits[0]!)).toBeLessThan(1e-5);

  await rm(join(dir, 'checkpoint'), { recursive: true });
  await compile(
    await changed(config, (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        const bare = name
          .replace(/^bert\./, '')
          .replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta');
        if (bare !== name) tensors.set(bare, tensor);
      }
      tensors.set('embeddings.position_ids', { dtype: 'I64', shape: [1, 1], data: Buffer.alloc(8) });
    }),
  );
  expect(await run(inputs, 'last_hidden_state')).toEqual(hidden);
});

test('large weights go to a file of their own and give the same logits', async () => {
  const [first] = await batches('tiny-bert');
  await compile(tiny);
  const inside = await run(first!.inputs);
  const compiled = await compile(tiny, { externalDataThreshold: 1000 });
  expect(compiled.files).toEqual(['model.onnx', 'model.onnx.data']);
  expect(await run(first!.inputs)).toEqual(inside);
});

test('progress counts the weights', async () => {
  const seen: [number | undefined, string | undefined][] = [];
  const progress = {
    update: (...step: [number | undefined, string?]) => seen.push([step[0], step[1]]),
    done() {},
    fail() {},
  };
  await compile(tiny, { progress });
  expect(seen.at(-1)).toEqual([1, '0.0 of 0.0 MB']);
  expect(seen.every(([fraction], index) => index === 0 || fraction! >= seen[index - 1]![0]!)).toBe(true);
});

test.each<[string, Record<string, unknown>, string, string]>([
  [
    'another architecture',
    { architectures: ['GPT2LMHeadModel'] },
    'CHECKPOINT_UNSUPPORTED',
    'config.json: architecture GPT2LMHeadModel cannot be compiled',
  ],
  [
    'no architecture',
    { architectures: null },
    'CHECKPOINT_UNSUPPORTED',
    "architecture (none; model_type 'bert') cannot be compiled",
  ],
  [
    'relative positions',
    { position_embedding_type: 'relative_key' },
    'CHECKPOINT_UNSUPPORTED',
    'position_embedding_type "relative_key": only absolute positions can be compiled',
  ],
  [
    'pruned heads',
    { pruned_heads: { 0: [1] } },
    'CHECKPOINT_UNSUPPORTED',
    'pruned_heads {"0":[1]}: pruned heads cannot be compiled',
  ],
  [
    'quantised weights',
    { quantization_config: { bits: 4 } },
    'CHECKPOINT_UNSUPPORTED',
    'quantization_config {"bits":4}: quantised weights cannot',
  ],
  [
    'a decoder',
    { is_decoder: true },
    'CHECKPOINT_UNSUPPORTED',
    'is_decoder true: decoders cannot be compiled, only encoders',
  ],
  [
    'cross attention',
    { add_cross_attention: true },
    'CHECKPOINT_UNSUPPORTED',
    'add_cross_attention true: cross attention cannot be compiled',
  ],
  [
    'an unknown activation',
    { hidden_act: 'xielu' },
    'CHECKPOINT_UNSUPPORTED',
    "config.json: hidden_act 'xielu' cannot be compiled",
  ],
  [
    'heads that do not divide',
    { num_attention_heads: 3 },
    'CHECKPOINT_INVALID',
    'hidden_size 16 is not a multiple of num_attention_heads 3',
  ],
  ['a size that is text', { hidden_size: '16' }, 'CHECKPOINT_INVALID', 'config.json: field \'hidden_size\' is "16": '],
  [
    'a missing size',
    { intermediate_size: undefined },
    'CHECKPOINT_INVALID',
    "config.json: field 'intermediate_size' is missing: ",
  ],
  [
    'more layers than weights',
    { num_hidden_layers: 3 },
    'CHECKPOINT_INVALID',
    "tensor 'bert.encoder.layer.2.attention.self.query.weight' of shape [16,16] is missing (hidden_size 16)",
  ],
  [
    'another vocabulary',
    { vocab_size: 96 },
    'CHECKPOINT_INVALID',
    "model.safetensors: tensor 'bert.embeddings.word_embeddings.weight' has shape [95,16] where [96,16] is expected (vocab_size 96, hidden_size 16)",
  ],
  [
    'another feed-forward size',
    { intermediate_size: 64 },
    'CHECKPOINT_INVALID',
    "tensor 'bert.encoder.layer.0.intermediate.dense.weight' has shape [40,16] where [64,16] is expected (intermediate_size 64, hidden_size 16)",
  ],
  [
    'fewer labels',
    { id2label: { 0: 'a', 1: 'b' } },
    'CHECKPOINT_INVALID',
    "tensor 'classifier.weight' has shape [5,16] where [2,16] is expected (2 labels)",
  ],
])('refused: %s', async (_, config, code, problem) => {
  const error = await compile(await changed(config)).catch((thrown) => thrown);
  expect(error).toMatchObject({ name: 'ConchError', code });
  expect(error.message).toContain(problem);
  expect(error.message).toContain(join(dir, 'checkpoint'));
  expect(await readdir(outDir)).toEqual([]);
});

test('an unsupported architecture lists the supported ones', async () => {
  const error = await compile(await changed({ architectures: ['X'] })).catch((thrown) => thrown);
  expect(error.fix).toMatch(
    /^conch compiles BertModel, BertForSequenceClassification, BertForTokenClassification(, \w+)*$/,
  );
});

test('weights of integers, and a file cut after it was opened', async () => {
  const copy = await changed({}, (tensors) => {
    tensors.set('classifier.bias', { dtype: 'I32', shape: [5], data: Buffer.alloc(20) });
  });
  await expect(compile(copy)).rejects.toThrow(
    "tensor 'classifier.bias' is I32; weights of F32, F16, BF16, F64 can be compiled",
  );
  expect(await readdir(outDir)).toEqual([]);

  const cut = join(dir, 'cut');
  await cp(tiny, cut, { recursive: true });
  const checkpoint = await openCheckpoint(cut);
  await truncate(join(cut, 'model.safetensors'), 20_000);
  const late = compileEncoder({ checkpoint, outDir, target: findTarget('embedded') });
  await expect(late).rejects.toThrow('model.safetensors: the file became shorter while it was read');
  expect(await readdir(outDir)).toEqual([]);
});

test('without labels the classifier says how many there are', async () => {
  const compiled = await compile(await changed({ id2label: undefined, label2id: undefined }));
  expect(compiled.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3', 'LABEL_4']);
});
