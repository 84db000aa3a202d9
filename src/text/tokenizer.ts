import { ConchError } from '../base/index.ts';
import { bertContent, isBertWordPiece } from './content.ts';
import { libraryContent } from './library.ts';
import { encodePair, type PairPiece, readPairTemplate } from './pair.ts';
import { readTemplate, type Template } from './template.ts';
import { invalid, isRecord, readTokenizerJson, type TokenizerJson } from './tokenizer-json.ts';
import { type EncodedWord, wordsOf } from './words.ts';

/** A checkpoint's tokenizer: text in, ids out, as the model was trained on. */
export interface TextTokenizer {
  /** Most ids of one text, special tokens included. */
  readonly maxLength: number;
  readonly padId: number;
  /**
   * The tensors that the model was saved with, e.g. `input_ids`, `token_type_ids`, `attention_mask`. Where types are not
   * among them transformers gives a model none, which counts as zeros, and so does a batch.
   */
  readonly inputNames: readonly string[];
  /**
   * The ids of one text with its special tokens, cut to `maxLength`; special tokens are kept when cutting. Half
   * surrogate pairs count as U+FFFD, as they do in UTF-8. Never fails, and does not work through what is cut off.
   */
  encode(text: string): EncodedText;
  /**
   * The ids of two texts as one sequence, as a model that compares them wants it. Where they are too long together, the
   * longer one is cut first.
   */
  encodePair(text: string, pair: string): EncodedText;
  /** The ids of one text as `encode` gives them, and where its words stand; undefined where they cannot be told apart. */
  encodeWords(text: string): EncodedWords | undefined;
  /** Whether nothing of a text is cut off. */
  fits(text: string): boolean;
  /** Encoded texts, padded to the longest of them. */
  pad(rows: readonly EncodedText[]): EncodedBatch;
  /** Texts, or the pairs that they form with `pairs` of as many, padded to the longest of them. */
  encodeBatch(texts: readonly string[], pairs?: readonly string[]): EncodedBatch;
}

export interface EncodedText {
  readonly ids: number[];
  readonly typeIds: number[];
}

export interface EncodedWords extends EncodedText {
  /** In order; words that were cut off are left out. */
  readonly words: readonly EncodedWord[];
}

/** Row-major [batch, length]. */
export interface EncodedBatch {
  batch: number;
  length: number;
  input_ids: BigInt64Array;
  /** 1 for a token, 0 for padding. */
  attention_mask: BigInt64Array;
  token_type_ids: BigInt64Array;
}

export interface TokenizerOptions {
  /** The content of tokenizer_config.json. */
  tokenizerConfig?: object;
  /** A limit beside the tokenizer's own, e.g. the model's number of positions. */
  maxLength?: number;
}

/** Where neither tokenizer nor model say how long a text may be: BERT's number of positions. */
const defaultMaxLength = 512;
/** Transformers writes 10^30 for "no limit"; nothing above this is one. */
const largestSaneLength = 10_000_000;

/**
 * The tokenizer that tokenizer.json describes; TOKENIZER_INVALID names the field that is missing, wrong or not
 * supported. BERT's WordPiece is conch's own, id for id that of the Python package `tokenizers`; all others are
 * `@huggingface/tokenizers`'. Truncation is to the least of `options.maxLength`, tokenizer_config's `model_max_length`
 * and tokenizer.json's own.
 */
export function createTokenizer(tokenizerJson: object, options: TokenizerOptions = {}): TextTokenizer {
  const json = readTokenizerJson(tokenizerJson);
  const config: Record<string, unknown> = isRecord(options.tokenizerConfig) ? options.tokenizerConfig : {};
  const template = readTemplate(json.postProcessor);
  const maxLength = lengthLimit(json, config, options.maxLength);
  const room = maxLength - template.before.length - template.after.length;
  if (room < 1) {
    throw new ConchError(
      'TOKENIZER_INVALID',
      `a maximum length of ${maxLength} leaves no room beside ${maxLength - room} special tokens`,
      { fix: 'set the maximum length higher' },
    );
  }
  const truncateLeft = config.truncation_side === 'left' || json.truncation?.left === true;
  const padLeft = config.padding_side === 'left' || json.padding?.left === true;
  const content = isBertWordPiece(json) ? bertContent(json) : libraryContent(tokenizerJson, config);
  const padId = json.padding?.padId ?? tokenId(json, config.pad_token) ?? tokenId(json, '[PAD]') ?? 0;
  const padTypeId = json.padding?.typeId ?? 0;

  function contentIds(text: string): number[] {
    const wellFormed = text.toWellFormed();
    if (truncateLeft) return content.last(wellFormed, room).slice(-room);
    const ids = content.first(wellFormed, room);
    return ids.length > room ? ids.slice(0, room) : ids;
  }

  const withTemplate = (ids: readonly number[]): EncodedText => ({
    ids: [...template.before, ...ids, ...template.after],
    typeIds: [...template.beforeTypes, ...ids.map(() => template.type), ...template.afterTypes],
  });
  const padding = { padId, padTypeId, padLeft };
  // Read when it is needed: of tokenizers for single texts it may be anything.
  let pieces: readonly PairPiece[] | undefined;
  const ofPair = (text: string, pair: string) => {
    pieces ??= readPairTemplate(json.postProcessor);
    return encodePair(content, pieces, [text, pair], { maxLength, truncateLeft });
  };

  const names = inputNames(config);
  const typed = names.includes('token_type_ids');

  return {
    maxLength,
    padId,
    inputNames: names,
    encodePair: ofPair,
    encode(text) {
      return withTemplate(contentIds(text));
    },
    encodeWords(text) {
      if (truncateLeft) return undefined;
      const ids = contentIds(text);
      const words = wordsOf(text, ids, (part) => content.first(part, Number.POSITIVE_INFINITY), template.before.length);
      if (!words) return undefined;
      return { ...withTemplate(ids), words };
    },
    fits(text) {
      return content.first(text.toWellFormed(), room + 1).length <= room;
    },
    pad(rows) {
      const batch = fillPairs(rows, padding);
      if (!typed) batch.token_type_ids.fill(0n);
      return batch;
    },
    encodeBatch(texts, pairs) {
      const batch = pairs
        ? fillPairs(
            texts.map((text, row) => ofPair(text, pairs[row]!)),
            padding,
          )
        : fillBatch(texts.map(contentIds), template, padding);
      if (!typed) batch.token_type_ids.fill(0n);
      return batch;
    },
  };
}

function lengthLimit(json: TokenizerJson, config: Record<string, unknown>, limit: number | undefined): number {
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new ConchError('TOKENIZER_INVALID', `a maximum length of ${limit}: expected a positive integer`);
  }
  const own = config.model_max_length;
  const sane = typeof own === 'number' && own >= 1 && own <= largestSaneLength ? Math.floor(own) : undefined;
  // As transformers does: tokenizer.json's own truncation is a setting of whoever saved it, not the model's limit.
  const limits = [limit, sane ?? json.truncation?.maxLength].filter((length) => length !== undefined);
  return limits.length > 0 ? Math.min(...limits) : defaultMaxLength;
}

/** The id of a token of tokenizer_config.json, which is a string or an object with a `content`. */
function tokenId(json: TokenizerJson, token: unknown): number | undefined {
  const content = isRecord(token) ? token.content : token;
  if (typeof content !== 'string') return undefined;
  const added = json.addedTokens.find((candidate) => candidate.content === content);
  if (added !== undefined) return added.id;
  const { vocab } = json.model;
  if (Array.isArray(vocab)) {
    const index = vocab.findIndex((piece) => piece[0] === content);
    return index >= 0 ? index : undefined;
  }
  return Object.hasOwn(vocab as object, content) ? (vocab as Record<string, number>)[content] : undefined;
}

function inputNames(config: Record<string, unknown>): readonly string[] {
  const names = config.model_input_names;
  // What transformers 5 calls a tokenizer that has no class of its own knows no types.
  if (names === undefined && config.tokenizer_class === 'TokenizersBackend') return ['input_ids', 'attention_mask'];
  if (names === undefined) return ['input_ids', 'token_type_ids', 'attention_mask'];
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw invalid('model_input_names', 'expected a list of names in tokenizer_config.json');
}

interface Padding {
  padId: number;
  padTypeId: number;
  padLeft: boolean;
}

/** Like `fillBatch`, of sequences that already have their special tokens. */
function fillPairs(rows: readonly EncodedText[], { padId, padTypeId, padLeft }: Padding): EncodedBatch {
  const length = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const size = rows.length * length;
  const input_ids = new BigInt64Array(size).fill(BigInt(padId));
  const attention_mask = new BigInt64Array(size);
  const token_type_ids = new BigInt64Array(size).fill(BigInt(padTypeId));
  for (const [row, { ids, typeIds }] of rows.entries()) {
    const start = row * length + (padLeft ? length - ids.length : 0);
    for (const [place, id] of ids.entries()) {
      input_ids[start + place] = BigInt(id);
      attention_mask[start + place] = 1n;
      token_type_ids[start + place] = BigInt(typeIds[place]!);
    }
  }
  return { batch: rows.length, length, input_ids, attention_mask, token_type_ids };
}

function fillBatch(rows: readonly (readonly number[])[], template: Template, padding: Padding): EncodedBatch {
  const { before, beforeTypes, after, afterTypes, type } = template;
  const around = before.length + after.length;
  let length = 0;
  for (const row of rows) length = Math.max(length, row.length + around);
  const size = rows.length * length;
  const input_ids = new BigInt64Array(size);
  const attention_mask = new BigInt64Array(size);
  const token_type_ids = new BigInt64Array(size);
  // Ids are below 2^31: writing the low halves of the little-endian INT64s spares a BigInt for every element.
  const ids = new Int32Array(input_ids.buffer);
  const mask = new Int32Array(attention_mask.buffer);
  const types = new Int32Array(token_type_ids.buffer);
  const put = (at: number, id: number, typeId: number) => {
    ids[2 * at] = id;
    mask[2 * at] = 1;
    types[2 * at] = typeId;
  };
  rows.forEach((row, r) => {
    const used = row.length + around;
    const padFrom = r * length + (padding.padLeft ? 0 : used);
    for (let i = padFrom; i < padFrom + length - used; i++) {
      ids[2 * i] = padding.padId;
      types[2 * i] = padding.padTypeId;
    }
    let at = r * length + (padding.padLeft ? length - used : 0);
    for (let i = 0; i < before.length; i++) put(at++, before[i]!, beforeTypes[i]!);
    for (let i = 0; i < row.length; i++) put(at++, row[i]!, type);
    for (let i = 0; i < after.length; i++) put(at++, after[i]!, afterTypes[i]!);
  });
  return { batch: rows.length, length, input_ids, attention_mask, token_type_ids };
}
