import { type AddedToken, invalid, type TokenizerJson } from './tokenizer-json.ts';
import { WordPiece } from './wordpiece.ts';

/** Turns text into the ids of its content, without special tokens around it. */
export interface ContentEncoder {
  /** The first ids of `text`, at least `limit` of them if there are as many. */
  first(text: string, limit: number): number[];
  /** The last ids, likewise. */
  last(text: string, limit: number): number[];
}

/** Whether conch's own WordPiece reads this tokenizer: BERT's, as DistilBERT, MiniLM, MPNet and FinBERT have it too. */
export function isBertWordPiece(json: TokenizerJson): boolean {
  return (
    json.model.type === 'WordPiece' &&
    json.normalizer?.type === 'BertNormalizer' &&
    json.preTokenizer?.type === 'BertPreTokenizer' &&
    // Tokens that are looked for in the normalised text, or as whole words only, are left to the library.
    json.addedTokens.every((token) => !token.normalized && !token.single_word)
  );
}

export function bertContent(json: TokenizerJson): ContentEncoder {
  const model = json.model;
  const vocab = model.vocab as Readonly<Record<string, number>>;
  const unknown = model.unk_token ?? '[UNK]';
  const unknownId = Object.hasOwn(vocab, String(unknown)) ? vocab[String(unknown)] : undefined;
  if (unknownId === undefined) {
    const fix = 'use the vocabulary that the model was trained with';
    throw invalid('model.unk_token', `the vocabulary has no ${JSON.stringify(unknown)}`, fix);
  }
  const normalizer = json.normalizer ?? {};
  const lowercase = normalizer.lowercase !== false;
  const wordPiece = new WordPiece({
    vocabulary: new Map(Object.entries(vocab)),
    unknownId,
    continuation: typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : '##',
    longestWord: typeof model.max_input_chars_per_word === 'number' ? model.max_input_chars_per_word : 100,
    normalization: {
      cleanText: normalizer.clean_text !== false,
      handleChineseChars: normalizer.handle_chinese_chars !== false,
      stripAccents: typeof normalizer.strip_accents === 'boolean' ? normalizer.strip_accents : lowercase,
      lowercase,
    },
  });
  return new AddedTokens(json.addedTokens, wordPiece);
}

/** Cuts added tokens such as `[SEP]` out of the raw text, leftmost and longest first, and encodes what is between. */
class AddedTokens implements ContentEncoder {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #pattern: RegExp | undefined;
  readonly #wordPiece: WordPiece;

  constructor(tokens: readonly AddedToken[], wordPiece: WordPiece) {
    this.#ids = new Map(tokens.map((token) => [token.content, token.id]));
    const longestFirst = [...this.#ids.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = longestFirst.length > 0 ? new RegExp(longestFirst.map(escapePattern).join('|'), 'g') : undefined;
    this.#wordPiece = wordPiece;
  }

  last(text: string): number[] {
    // Models that cut at the left are rare, and this stays linear in the text.
    return this.first(text, Number.POSITIVE_INFINITY);
  }

  first(text: string, limit: number): number[] {
    const ids: number[] = [];
    let from = 0;
    if (this.#pattern !== undefined) {
      for (const { 0: token, index } of text.matchAll(this.#pattern)) {
        if (index > from) this.#wordPiece.encode(text.slice(from, index), ids, limit);
        if (ids.length >= limit) return ids;
        ids.push(this.#ids.get(token)!);
        from = index + token.length;
      }
    }
    this.#wordPiece.encode(from === 0 ? text : text.slice(from), ids, limit);
    return ids;
  }
}

function escapePattern(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
