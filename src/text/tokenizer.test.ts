import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createTokenizer, type TokenizerOptions } from './index.ts';

interface Golden {
  tokenizer: number;
  text: string;
  repeat?: number;
  ids: number[];
}

function readGolden(name: string): { limit: number; tokenizers: Record<string, unknown>[]; lines: Golden[] } {
  const path = join(import.meta.dirname, `../../test/golden/tokenizer-${name}.jsonl`);
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return { ...JSON.parse(head!), lines: lines.map((line) => JSON.parse(line)) };
}

const golden = readGolden('wordpiece');
const bert = golden.tokenizers[0]!;
const vocab = (bert.model as { vocab: Record<string, number> }).vocab;
const ids = (...tokens: string[]) => tokens.map((token) => vocab[token]);

test.each(['wordpiece', 'others'])('ids are those of the Python package tokenizers: %s', (name) => {
  const { limit, tokenizers, lines } = readGolden(name);
  const made = tokenizers.map((json) => createTokenizer(json, { maxLength: limit }));
  expect(lines.length).toBeGreaterThan(50);
  for (const { tokenizer, text, repeat = 1, ids } of lines) {
    const got = made[tokenizer]!.encode(text.repeat(repeat)).ids;
    expect(got, `${name} ${tokenizer}: ${JSON.stringify(text)} x ${repeat}`).toEqual(ids);
  }
});

describe('truncation', () => {
  const text = 'the profit rose fell';

  test('keeps the special tokens, and cuts where the tokenizer says', () => {
    const cut = (maxLength: number, config: object = {}) =>
      createTokenizer(bert, { maxLength, tokenizerConfig: config }).encode(text).ids;
    expect(cut(6)).toEqual(ids('[CLS]', 'the', 'profit', 'rose', 'fell', '[SEP]'));
    expect(cut(5)).toEqual(ids('[CLS]', 'the', 'profit', 'rose', '[SEP]'));
    expect(cut(3)).toEqual(ids('[CLS]', 'the', '[SEP]'));
    expect(cut(4, { truncation_side: 'left' })).toEqual(ids('[CLS]', 'rose', 'fell', '[SEP]'));
  });

  test('is to the least of the limits that make sense', () => {
    const length = (options: TokenizerOptions, truncation: object | null = null) =>
      createTokenizer({ ...bert, truncation }, options).maxLength;
    expect(length({})).toBe(512);
    expect(length({ maxLength: 128 })).toBe(128);
    expect(length({ maxLength: 128, tokenizerConfig: { model_max_length: 64 } })).toBe(64);
    expect(length({ maxLength: 128, tokenizerConfig: { model_max_length: 1e30 } })).toBe(128);
    expect(length({ tokenizerConfig: { model_max_length: 1e30 } })).toBe(512);
    expect(length({ maxLength: 128 }, { max_length: 32, direction: 'Right' })).toBe(32);
    expect(length({}, { max_length: 0 })).toBe(512);
  });

  test('a limit that leaves no room is refused', () => {
    expect(() => createTokenizer(bert, { maxLength: 2 })).toThrow(
      'a maximum length of 2 leaves no room beside 2 special tokens',
    );
    for (const maxLength of [0, -1, 1.5, Number.NaN]) {
      expect(() => createTokenizer(bert, { maxLength })).toThrow(
        `a maximum length of ${maxLength}: expected a positive integer`,
      );
    }
  });
});

describe('batches', () => {
  const rows = (batch: { batch: number; length: number }, data: BigInt64Array) =>
    Array.from({ length: batch.batch }, (_, i) =>
      Array.from(data.subarray(i * batch.length, (i + 1) * batch.length), Number),
    );

  test('are padded to the longest text', () => {
    const batch = createTokenizer(bert).encodeBatch(['profit rose', '', 'the profit rose .']);
    expect([batch.batch, batch.length]).toEqual([3, 6]);
    expect(rows(batch, batch.input_ids)).toEqual([
      ids('[CLS]', 'profit', 'rose', '[SEP]', '[PAD]', '[PAD]'),
      ids('[CLS]', '[SEP]', '[PAD]', '[PAD]', '[PAD]', '[PAD]'),
      ids('[CLS]', 'the', 'profit', 'rose', '.', '[SEP]'),
    ]);
    expect(rows(batch, batch.attention_mask)).toEqual([
      [1, 1, 1, 1, 0, 0],
      [1, 1, 0, 0, 0, 0],
      [1, 1, 1, 1, 1, 1],
    ]);
    expect(rows(batch, batch.token_type_ids).flat()).toEqual(Array(18).fill(0));
  });

  test('of no text, or of no tokens, are empty', () => {
    const none = createTokenizer(bert).encodeBatch([]);
    expect([none.batch, none.length, none.input_ids.length]).toEqual([0, 0, 0]);
    const bare = createTokenizer({ ...bert, post_processor: null }).encodeBatch(['', ' ']);
    expect([bare.batch, bare.length, bare.input_ids.length]).toEqual([2, 0, 0]);
  });

  test('padding, its side and type, and token types come from the tokenizer', () => {
    const padding = { strategy: 'BatchLongest', direction: 'Left', pad_id: 7, pad_type_id: 3, pad_token: 'x' };
    const single = [
      { SpecialToken: { id: '[CLS]', type_id: 2 } },
      { Sequence: { id: 'A', type_id: 1 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ];
    const json = { ...bert, padding, post_processor: { ...(bert.post_processor as object), single } };
    const tokenizer = createTokenizer(json);
    expect(tokenizer.padId).toBe(7);
    const batch = tokenizer.encodeBatch(['the profit', '']);
    expect(rows(batch, batch.input_ids)).toEqual([
      ids('[CLS]', 'the', 'profit', '[SEP]'),
      [7, 7, ...ids('[CLS]', '[SEP]')],
    ]);
    expect(rows(batch, batch.token_type_ids)).toEqual([
      [2, 1, 1, 0],
      [3, 3, 2, 0],
    ]);
    expect(rows(batch, batch.attention_mask)[1]).toEqual([0, 0, 1, 1]);
    expect(tokenizer.encode('the profit')).toEqual({
      ids: ids('[CLS]', 'the', 'profit', '[SEP]'),
      typeIds: [2, 1, 1, 0],
    });
  });

  test('the padding token is that of tokenizer_config.json', () => {
    const padId = (pad_token: unknown) => createTokenizer(bert, { tokenizerConfig: { pad_token } }).padId;
    expect(padId({ content: '[SEP]' })).toBe(vocab['[SEP]']);
    expect(padId('rose')).toBe(vocab.rose);
    expect(padId('no such token')).toBe(vocab['[PAD]']);
    expect(padId(undefined)).toBe(vocab['[PAD]']);
    const [bpe, unigram] = readGolden('others').tokenizers;
    expect(createTokenizer(bpe!, { tokenizerConfig: { pad_token: '<pad>' } }).padId).toBe(1);
    expect(createTokenizer(unigram!, { tokenizerConfig: { pad_token: '▁profit' } }).padId).toBeGreaterThan(4);
  });
});

test('the tensors that a model takes are read from tokenizer_config.json', () => {
  const names = (model_input_names?: unknown) =>
    createTokenizer(bert, { tokenizerConfig: { model_input_names } }).inputNames;
  expect(names()).toEqual(['input_ids', 'token_type_ids', 'attention_mask']);
  expect(names(['input_ids', 'attention_mask'])).toEqual(['input_ids', 'attention_mask']);
  expect(() => names('x')).toThrow('model_input_names: expected a list of names in tokenizer_config.json');
});

test('half surrogate pairs count as U+FFFD', () => {
  const tokenizer = createTokenizer(bert);
  expect(tokenizer.encode('\ud800 profit\udc00 \ud83d')).toEqual(tokenizer.encode('\ufffd profit\ufffd \ufffd'));
  const [bpe] = readGolden('others').tokenizers;
  expect(createTokenizer(bpe!).encode('a\ud800').ids).toEqual(createTokenizer(bpe!).encode('a\ufffd').ids);
});

test('of ten million characters only what is kept is worked through', () => {
  const tokenizers = [bert, ...readGolden('others').tokenizers].map((json) => createTokenizer(json, { maxLength: 64 }));
  for (const piece of ['profit rose ', 'x', ' ', '金', 'e\u0301', '[SEP]', '<mask>']) {
    const text = piece.repeat(1e7 / piece.length);
    for (const tokenizer of tokenizers) expect(tokenizer.encode(text).ids.length).toBeLessThanOrEqual(64);
  }
  const left = createTokenizer({ ...bert, truncation: { direction: 'Left', max_length: 4 } });
  expect(left.encode(`${'profit '.repeat(1e5)}rose fell`).ids).toEqual(ids('[CLS]', 'rose', 'fell', '[SEP]'));
  const [bpe] = readGolden('others').tokenizers;
  const bpeLeft = createTokenizer(bpe!, { maxLength: 8, tokenizerConfig: { truncation_side: 'left' } });
  expect(bpeLeft.encode(`${'profit '.repeat(1e5)}rose`).ids).toEqual(bpeLeft.encode(`${'profit '.repeat(50)}rose`).ids);
});

test('added tokens that are looked for in normalised text go through the library', () => {
  const added_tokens = [...(bert.added_tokens as object[]), { id: 500, content: 'Profit', special: false }];
  const tokenizer = createTokenizer({ ...bert, added_tokens });
  expect(tokenizer.encode('the PROFIT rose').ids).toEqual([...ids('[CLS]', 'the'), 500, ...ids('rose', '[SEP]')]);
});

describe('a tokenizer.json that cannot be used says where', () => {
  const model = bert.model as object;
  const post = bert.post_processor as object;
  test.each<[string, object, string]>([
    ['a list', [], '(root): expected an object'],
    ['no model', { ...bert, model: undefined }, 'model: is missing'],
    ['a model that is no object', { ...bert, model: 'x' }, 'model: expected an object'],
    [
      'an unknown model',
      { ...bert, model: { type: 'WordLevel', vocab: {} } },
      'model.type: "WordLevel" is not supported, only WordPiece, BPE, Unigram',
    ],
    ['no vocabulary', { ...bert, model: { type: 'WordPiece' } }, 'model.vocab: expected an object of tokens to ids'],
    ['an empty vocabulary', { ...bert, model: { ...model, vocab: {} } }, 'model.vocab: is empty'],
    ['a bad id', { ...bert, model: { ...model, vocab: { a: 1.5 } } }, 'model.vocab["a"]: expected an id, got 1.5'],
    [
      'no unknown token',
      { ...bert, model: { ...model, vocab: { a: 0 } } },
      'model.unk_token: the vocabulary has no "[UNK]"',
    ],
    [
      'BPE without merges',
      { ...bert, model: { type: 'BPE', vocab: { a: 0 } } },
      'model.merges: expected a list of merges',
    ],
    ['an empty Unigram', { model: { type: 'Unigram', vocab: [] } }, 'model.vocab: expected a list of [piece, score]'],
    ['a bad Unigram', { model: { type: 'Unigram', vocab: [['a']] } }, 'model.vocab[0]: expected [piece, score]'],
    ['bad added tokens', { ...bert, added_tokens: {} }, 'added_tokens: expected a list'],
    [
      'a bad added token',
      { ...bert, added_tokens: [{ content: 'x' }] },
      'added_tokens[0]: expected an object with an id and a content',
    ],
    [
      'an unknown post-processor',
      { ...bert, post_processor: { type: 'X' } },
      'post_processor.type: "X" is not supported',
    ],
    ['a bad pair', { ...bert, post_processor: { type: 'BertProcessing' } }, 'post_processor.cls: expected [token, id]'],
    [
      'no template',
      { ...bert, post_processor: { type: 'TemplateProcessing' } },
      'post_processor.single: expected a list',
    ],
    [
      'a template without text',
      { ...bert, post_processor: { ...post, single: [] } },
      'post_processor.single: has no place for the text (Sequence A)',
    ],
    [
      'a bad piece',
      { ...bert, post_processor: { ...post, single: [{}] } },
      'post_processor.single[0]: expected a SpecialToken or a Sequence',
    ],
    [
      'a second text',
      { ...bert, post_processor: { ...post, single: [{ Sequence: { id: 'B' } }] } },
      'post_processor.single[0]: expected sequence A, once',
    ],
    [
      'a special token without ids',
      { ...bert, post_processor: { ...post, special_tokens: {} } },
      'post_processor.single[0]: special token "[CLS]" has no ids in post_processor.special_tokens',
    ],
    [
      'a sequence that is none',
      { ...bert, post_processor: { type: 'Sequence' } },
      'post_processor.processors: expected a list',
    ],
    [
      'two templates',
      { ...bert, post_processor: { type: 'Sequence', processors: [post, post] } },
      'post_processor: more than one post-processor adds special tokens',
    ],
    ['an unknown normalizer', { ...bert, normalizer: { type: 'X' } }, 'Unknown Normalizer type: X'],
  ])('%s', (_what, json, message) => {
    expect(() => createTokenizer(json)).toThrow(`tokenizer.json: ${message}`);
  });

  test('and post-processors that only mend offsets count as none', () => {
    const processors = [{ type: 'ByteLevel' }, post];
    const tokenizer = createTokenizer({ ...bert, post_processor: { type: 'Sequence', processors } });
    expect(tokenizer.encode('').ids).toEqual(ids('[CLS]', '[SEP]'));
  });
});
