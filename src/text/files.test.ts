import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTokenizer, readTokenizer, tokenizerFiles } from './index.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch tokenizer é-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const words = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'profit',
  'Profit',
  'cafe',
  'café',
  '金',
  '融',
  '金融',
  '##s',
];

function put(files: Record<string, string | Uint8Array | object>): void {
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
    writeFileSync(join(dir, name), text);
  }
}

async function encode(text: string): Promise<string[]> {
  const files = await tokenizerFiles(dir);
  const { ids } = createTokenizer(files.tokenizerJson, files).encode(text);
  return ids.map((id) => words[id]!);
}

test('tokenizer.json is made from vocab.txt as BertTokenizer reads it', async () => {
  put({ 'vocab.txt': `${words.join('\n')}\n` });
  expect(await encode('Profits CAFÉ 金融')).toEqual(['[CLS]', 'profit', '##s', 'cafe', '金', '融', '[SEP]']);
  put({ 'tokenizer_config.json': { do_lower_case: false } });
  expect(await encode('Profits café')).toEqual(['[CLS]', 'Profit', '##s', 'café', '[SEP]']);
  put({ 'tokenizer_config.json': { strip_accents: false, tokenize_chinese_chars: false } });
  expect(await encode('PROFIT CAFÉ 金融')).toEqual(['[CLS]', 'profit', 'café', '金融', '[SEP]']);
  put({ 'tokenizer_config.json': { do_lower_case: false, strip_accents: true } });
  expect(await encode('Profit café')).toEqual(['[CLS]', 'Profit', 'cafe', '[SEP]']);
});

test('line ends, a byte order mark and blank lines at the end are no tokens', async () => {
  put({ 'vocab.txt': `\ufeff${words.join('\r\n')}\r\n\r\n \r\n` });
  expect(await encode('profits [MASK]')).toEqual(['[CLS]', 'profit', '##s', '[MASK]', '[SEP]']);
});

test('special tokens have the names that the checkpoint gives them', async () => {
  const renamed = words.map((word) => ({ '[CLS]': '<s>', '[SEP]': '</s>', '[PAD]': '<pad>' })[word] ?? word);
  put({
    'vocab.txt': renamed.join('\n'),
    'special_tokens_map.json': { cls_token: { content: '<s>' }, sep_token: 'wrong', pad_token: '<pad>' },
    'tokenizer_config.json': { sep_token: '</s>' },
  });
  const { tokenizerJson, tokenizerConfig } = await tokenizerFiles(dir);
  expect(tokenizerConfig).toMatchObject({ pad_token: '<pad>', sep_token: '</s>' });
  const tokenizer = createTokenizer(tokenizerJson, { tokenizerConfig });
  expect(tokenizer.encode('profit</s>').ids).toEqual([2, 5, 3, 3]);
});

test('sources and the maximum length are told', async () => {
  put({ 'vocab.txt': words.join('\n'), 'tokenizer_config.json': { model_max_length: 100 } });
  const files = await tokenizerFiles(dir, { maxPositions: 512 });
  expect(files.maxLength).toBe(100);
  expect(files.sources.map((file) => basename(file))).toEqual(['tokenizer_config.json', 'vocab.txt']);
  put({ 'tokenizer.json': files.tokenizerJson, 'tokenizer_config.json': {}, 'vocab.txt': 'not read' });
  expect((await tokenizerFiles(dir, { maxPositions: 64 })).maxLength).toBe(64);
  const tokenizer = await readTokenizer(dir, { maxLength: 4 });
  expect(tokenizer.encode('profit profit profit').ids).toEqual([2, 5, 5, 3]);
});

const failure = async (): Promise<string> => {
  const error = await tokenizerFiles(dir).then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ code: 'TOKENIZER_INVALID' });
  return error.message.replaceAll(dir, '<dir>');
};

test('a folder without a tokenizer says what it has, and how to get one', async () => {
  expect(await failure()).toBe('<dir> has neither tokenizer.json nor vocab.txt');
  put({ 'vocab.json': {}, 'merges.txt': '' });
  expect(await failure()).toBe('<dir> has neither tokenizer.json nor vocab.txt, only merges.txt, vocab.json');
  await expect(tokenizerFiles(dir)).rejects.toMatchObject({ fix: expect.stringContaining('save_pretrained') });
  await expect(readTokenizer(dir)).rejects.toThrow(/ has no tokenizer.json$/);
});

test('vocab.txt of another kind of tokenizer is refused', async () => {
  put({ 'vocab.txt': words.join('\n'), 'tokenizer_config.json': { tokenizer_class: 'BertJapaneseTokenizer' } });
  expect(await failure()).toBe(
    "<dir>: a tokenizer of kind BertJapaneseTokenizer cannot be made from vocab.txt, only BERT's WordPiece can",
  );
  put({ 'tokenizer_config.json': {}, 'config.json': { model_type: 'ctrl' } });
  expect(await failure()).toMatch(/a tokenizer of kind ctrl cannot be made from vocab.txt/);
  put({ 'tokenizer_config.json': { tokenizer_class: 'DistilBertTokenizerFast' } });
  expect(await encode('profit')).toContain('profit');
});

test('a vocabulary without a special token is refused', async () => {
  put({ 'vocab.txt': words.filter((word) => word !== '[UNK]').join('\n') });
  expect(await failure()).toBe('vocab.txt has 12 tokens but no [UNK] (unk_token)');
  put({ 'vocab.txt': '' });
  expect(await failure()).toBe('vocab.txt has 0 tokens but no [UNK] (unk_token)');
  put({ 'vocab.txt': words.filter((word) => word !== '[MASK]').join('\n') });
  expect(await encode('x')).toHaveLength(3);
});

test('added tokens beyond vocab.txt are refused, not forgotten', async () => {
  put({ 'vocab.txt': words.join('\n'), 'added_tokens.json': { '<ticker>': 13 } });
  expect(await failure()).toBe('<dir>: the tokenizer has the added token "<ticker>", which vocab.txt lacks');
  put({
    'added_tokens.json': { profit: 5 },
    'tokenizer_config.json': { added_tokens_decoder: { 14: { content: '<x>' } } },
  });
  expect(await failure()).toBe('<dir>: the tokenizer has the added token "<x>", which vocab.txt lacks');
});

test('files that are broken are named', async () => {
  put({ 'tokenizer.json': '{"model": ' });
  expect(await failure()).toMatch(/^tokenizer.json is not JSON: /);
  put({ 'tokenizer.json': '[]' });
  expect(await failure()).toBe('tokenizer.json holds no JSON object');
  put({ 'tokenizer.json': '{}' });
  expect(await failure()).toBe('tokenizer.json: model: is missing');
  put({ 'tokenizer.json': new Uint8Array([0x7b, 0xff]) });
  expect(await failure()).toBe('tokenizer.json is not UTF-8 text');
  await rm(join(dir, 'tokenizer.json'));
  execFileSync('mkfifo', [join(dir, 'tokenizer.json')]);
  expect(await failure()).toBe('tokenizer.json is not a regular file');
  await rm(join(dir, 'tokenizer.json'));
  put({ 'tokenizer_config.json': '1' });
  expect(await failure()).toBe('tokenizer_config.json holds no JSON object');
  truncateSync(join(dir, 'tokenizer_config.json'), 300e6);
  expect(await failure()).toBe('tokenizer_config.json holds 300000000 bytes, more than any tokenizer');
  await expect(tokenizerFiles(join(dir, 'tokenizer_config.json'))).rejects.toThrow(
    /^tokenizer_config.json cannot be read: ENOTDIR/,
  );
});
