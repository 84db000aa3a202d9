/** A word of a text and its tokens. */
export interface EncodedWord {
  /** UTF-16 offsets in the text, `end` behind the last. */
  readonly start: number;
  readonly end: number;
  /** Place of its first token among the ids, special tokens counted. */
  readonly first: number;
  readonly count: number;
}

/**
 * Ways to part a text before its parts are tokenized, as tokenizers do: BERT's (white space, punctuation and ideographs
 * stand alone), GPT-2's (a space belongs to the word behind it), and white space alone.
 */
const partings = [
  /[\p{P}$+<=>^`|~]|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\u{20000}-\u{2fa1f}]|[^\s\p{P}$+<=>^`|~\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2fa1f}]+/gu,
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu,
  /\S+/gu,
];

/**
 * The words of a text and which of `ids` belong to each. A tokenizer gives no offsets, but the parts of a text tokenized
 * by themselves give the ids of the whole only where they are what the tokenizer itself parts the text into; so the
 * first parting for which they do is right. Undefined where none is.
 */
export function wordsOf(
  text: string,
  ids: readonly number[],
  encode: (part: string) => readonly number[],
  firstAt: number,
): EncodedWord[] | undefined {
  for (const parting of partings) {
    const words = partedBy(parting, text, ids, encode, firstAt);
    if (words) return words;
  }
  return undefined;
}

function partedBy(
  parting: RegExp,
  text: string,
  ids: readonly number[],
  encode: (part: string) => readonly number[],
  firstAt: number,
): EncodedWord[] | undefined {
  const words: EncodedWord[] = [];
  let at = 0;
  for (const { 0: part, index } of text.matchAll(parting)) {
    if (at === ids.length) break;
    const own = encode(part);
    const count = Math.min(own.length, ids.length - at);
    for (let offset = 0; offset < count; offset++) if (own[offset] !== ids[at + offset]) return undefined;
    const blank = part.length - part.trimStart().length;
    const end = index + part.trimEnd().length;
    // Control characters and the like leave no token.
    if (count > 0 && end > index + blank) words.push({ start: index + blank, end, first: firstAt + at, count });
    at += count;
  }
  return at === ids.length ? words : undefined;
}
