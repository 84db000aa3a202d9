import { describe, expect, test } from 'vitest';
import { decodeStrings, stringTensor } from '../../tensor/index.ts';
import { TemporaryRepository } from '../testing/repository.ts';

const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'profit', 'rose', 'fell', 'the', '##s'];
const tokenizerJson = {
  version: '1.0',
  added_tokens: vocabulary.slice(0, 4).map((content, id) => ({ id, content, special: true })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
  },
};
const mark = 'parameters { key: "conch.backend" value { string_value: "tokenizer" } }';
const output = (name: string, type = 'TYPE_INT64') => `output { name: "${name}" data_type: ${type} dims: [ -1 ] }`;
const config = (
  more = `${mark} ${output('input_ids')} ${output('attention_mask')} ${output('token_type_ids')}`,
  batch = 4,
) => `backend: "python" max_batch_size: ${batch} input { name: "text" data_type: TYPE_STRING dims: [ 1 ] } ${more}`;
const repository = (text: string) =>
  new TemporaryRepository()
    .bare('t', text)
    .write('t/1/tokenizer.json', JSON.stringify(tokenizerJson))
    .write('t/1/tokenizer_config.json', JSON.stringify({ tokenizer_class: 'BertTokenizer', model_max_length: 8 }))
    .write('t/1/model.py', 'raise SystemExit("never run")');
const text = (...texts: string[]) => stringTensor('text', [texts.length, 1], texts);

test('texts become ids, padded to the longest of their own request', async () => {
  const engine = await repository(`${config()} dynamic_batching {}`).open();
  const ask = (...texts: string[]) => engine.infer({ model: 't', inputs: [text(...texts)] });
  const [two, one] = await Promise.all([ask('Profit rose', 'profits'), ask('the profit fell the')]);
  expect(two!.outputs).toEqual([
    { name: 'input_ids', datatype: 'INT64', shape: [2, 4], data: BigInt64Array.of(2n, 4n, 5n, 3n, 2n, 4n, 8n, 3n) },
    { name: 'attention_mask', datatype: 'INT64', shape: [2, 4], data: new BigInt64Array(8).fill(1n) },
    { name: 'token_type_ids', datatype: 'INT64', shape: [2, 4], data: new BigInt64Array(8) },
  ]);
  expect(one!.outputs[0]).toMatchObject({ shape: [1, 6], data: BigInt64Array.of(2n, 7n, 4n, 6n, 7n, 3n) });
  const [statistics] = engine.statistics('t');
  expect(statistics).toMatchObject({ inference_count: 3, execution_count: 1 });
});

test('max_length cuts, and only the outputs of the config and the request are given', async () => {
  const engine = await repository(
    config(
      `${mark} parameters { key: "max_length" value { string_value: "4" } } ${output('attention_mask')} ${output('input_ids')}`,
    ),
  ).open();
  const { outputs } = await engine.infer({
    model: 't',
    inputs: [text('the profit fell the', '')],
    outputs: [{ name: 'input_ids' }],
  });
  expect(outputs).toEqual([
    { name: 'input_ids', datatype: 'INT64', shape: [2, 4], data: BigInt64Array.of(2n, 7n, 4n, 3n, 2n, 3n, 0n, 0n) },
  ]);
});

test('without a batch dimension the outputs are flat', async () => {
  const engine = await repository(config(`${mark} ${output('input_ids')}`, 0)).open();
  const { outputs } = await engine.infer({ model: 't', inputs: [stringTensor('text', [1], ['profit'])] });
  expect(outputs).toMatchObject([{ shape: [3], data: BigInt64Array.of(2n, 4n, 3n) }]);
});

test('bytes that are no UTF-8 do not stop it', async () => {
  const engine = await repository(config()).open();
  const bytes = Uint8Array.of(3, 0, 0, 0, 0xff, 0xfe, 0x20);
  const { outputs } = await engine.infer({
    model: 't',
    inputs: [{ name: 'text', datatype: 'BYTES', shape: [1, 1], data: bytes }],
  });
  expect(decodeStrings(bytes)).toEqual(['\ufffd\ufffd ']);
  expect(outputs[0]!.shape[0]).toBe(1);
});

describe('refused at load', () => {
  test.each([
    [
      'an output that tokenizers do not have',
      config(`${mark} ${output('offsets')}`),
      'MODEL_LOAD_FAILED',
      "model 't' version 1: a tokenizer has no output 'offsets'; it has 'input_ids', 'attention_mask', 'token_type_ids'",
    ],
    [
      'an output of another type',
      config(`${mark} ${output('input_ids', 'TYPE_INT32')}`),
      'MODEL_LOAD_FAILED',
      "model 't' version 1: a tokenizer's output 'input_ids' is TYPE_INT64, the config says TYPE_INT32",
    ],
    [
      'two inputs',
      config(`${mark} input { name: "pair" data_type: TYPE_STRING dims: [ 1 ] } ${output('input_ids')}`),
      'MODEL_LOAD_FAILED',
      "model 't' version 1: a tokenizer takes one input of TYPE_STRING, and perhaps 'text_pair'",
    ],
    [
      'a max_length that is no number',
      config(`${mark} parameters { key: "max_length" value { string_value: "many" } } ${output('input_ids')}`),
      'MODEL_LOAD_FAILED',
      "model 't' version 1: parameter 'max_length' must be a whole number from 0 to 1000000000, it is 'many'",
    ],
  ])('%s', async (_, text, code, message) => {
    const engine = await repository(text).open();
    await expect(engine.load('t')).rejects.toMatchObject({
      code,
      message,
      where: { file: expect.stringMatching(/config\.pbtxt$/) },
    });
  });

  test('a tokenizer.json that is missing or broken', async () => {
    const missing = await new TemporaryRepository().bare('t', config()).write('t/1/model.py', '').open();
    await expect(missing.load('t')).rejects.toMatchObject({
      code: expect.stringMatching(/FILE_NOT_FOUND|TOKENIZER_INVALID/),
      message: expect.stringMatching(/tokenizer\.json/),
    });
    const broken = await repository(config()).write('t/1/tokenizer.json', '{').open();
    await expect(broken.load('t')).rejects.toMatchObject({
      code: 'TOKENIZER_INVALID',
      message: expect.stringMatching(/tokenizer\.json/),
    });
  });
});
