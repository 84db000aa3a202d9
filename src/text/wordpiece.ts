import { type BertNormalization, normalizeBert } from './bert-normalizer.ts';
import { classBit, classTable } from './character-classes.ts';

export interface WordPieceOptions {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly unknownId: number;
  /** What a piece inside a word starts with, usually `##`. */
  readonly continuation: string;
  /** Words of more characters are unknown as a whole. */
  readonly longestWord: number;
  readonly normalization: BertNormalization;
}

/** Characters that are normalised at once; bounds the work done beyond the last id that is wanted. */
const sliceLength = 4096;
/** How far a slice may be extended to not part a character from its combining marks. */
const longestCluster = 256;
const cachedWords = 20_000;
/** V8 copies slices below 13 characters; longer ones would keep their whole text alive in the cache. */
const longestCached = 12;

/**
 * BERT's tokenizer (BertNormalizer, BertPreTokenizer, WordPiece) in one pass that stops when it has enough ids. Gives
 * the ids of the Python package `tokenizers`; `@huggingface/tokenizers` departs from it (final sigma, rare ideographs,
 * marks and punctuation of newer Unicode versions) and is slower, as it has no cache of words.
 */
export class WordPiece {
  readonly #options: WordPieceOptions;
  readonly #longestPiece: number;
  /** The last words' ids; emptied when full. */
  #cache = new Map<string, readonly number[]>();

  constructor(options: WordPieceOptions) {
    this.#options = options;
    let longest = 0;
    for (const piece of options.vocabulary.keys()) longest = Math.max(longest, piece.length);
    this.#longestPiece = longest;
  }

  /** Appends the ids of `text` to `ids` until they are `limit` or more; more by at most one word. */
  encode(text: string, ids: number[], limit = Number.POSITIVE_INFINITY): void {
    const classes = classTable();
    const longestWord = this.#options.longestWord;
    let word = '';
    for (let start = 0; start < text.length && ids.length < limit; ) {
      const end = sliceEnd(text, start);
      const slice = start === 0 && end === text.length ? text : text.slice(start, end);
      const clean = normalizeBert(slice, this.#options.normalization);
      start = end;
      let from = 0;
      for (let i = 0; i < clean.length; ) {
        let point = clean.charCodeAt(i);
        if (point >= 0xd800 && point <= 0xdbff) point = clean.codePointAt(i)!;
        const next = i + (point > 0xffff ? 2 : 1);
        const bits = classes[point]! & (classBit.separator | classBit.punctuation);
        if (bits !== 0) {
          if (i > from || word !== '') {
            this.#add(word + clean.slice(from, i), ids);
            word = '';
            if (ids.length >= limit) return;
          }
          if (bits & classBit.punctuation) this.#add(clean.slice(i, next), ids);
          from = next;
        }
        i = next;
      }
      // A word may go on in the next slice; of an endless one it is enough to know that it is too long.
      if (word.length <= 2 * longestWord) word += clean.slice(from, from + 2 * longestWord + 1);
    }
    if (word !== '') this.#add(word, ids);
  }

  #add(word: string, ids: number[]): void {
    let pieces = this.#cache.get(word);
    if (pieces === undefined) {
      pieces = this.#split(word);
      if (word.length <= longestCached) {
        if (this.#cache.size >= cachedWords) this.#cache.clear();
        this.#cache.set(word, pieces);
      }
    }
    for (let i = 0; i < pieces.length; i++) ids.push(pieces[i]!);
  }

  /** Longest pieces first, from the left; a word that cannot be covered is unknown as a whole. */
  #split(word: string): readonly number[] {
    const { vocabulary, unknownId, continuation, longestWord } = this.#options;
    if (word.length > longestWord && characters(word, longestWord + 1) > longestWord) return [unknownId];
    const pieces: number[] = [];
    for (let start = 0; start < word.length; ) {
      const prefix = start === 0 ? '' : continuation;
      let end = Math.min(word.length, start + this.#longestPiece - prefix.length);
      let id: number | undefined;
      while (end > start) {
        id = vocabulary.get(prefix + word.slice(start, end));
        if (id !== undefined) break;
        end--;
      }
      if (id === undefined) return [unknownId];
      pieces.push(id);
      start = end;
    }
    return pieces;
  }
}

/** Code points in `text`, counted up to `most`. */
function characters(text: string, most: number): number {
  let count = 0;
  for (let i = 0; i < text.length && count < most; count++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  return count;
}

/** Where the slice from `start` ends: not inside a surrogate pair, nor before a combining mark. */
function sliceEnd(text: string, start: number): number {
  const wanted = start + sliceLength;
  if (wanted >= text.length) return text.length;
  const last = Math.min(text.length, wanted + longestCluster);
  for (let end = wanted; end < last; end++) {
    const code = text.charCodeAt(end);
    if (code < 0x80) return end;
    if (code >= 0xdc00 && code <= 0xdfff) continue;
    if (!/^\p{M}/u.test(text.slice(end, end + 2))) return end;
  }
  const code = text.charCodeAt(last);
  return code >= 0xdc00 && code <= 0xdfff ? last + 1 : last;
}
