import { Tokenizer } from '@huggingface/tokenizers';
import { ConchError } from '../base/index.ts';
import type { ContentEncoder } from './content.ts';

/** Characters tokenized at least, and for every wanted id; what lies behind them is not looked at. */
const charactersAtLeast = 16_384;
const charactersPerId = 16;

/**
 * Every tokenizer other than BERT's WordPiece, by `@huggingface/tokenizers`. It has no truncation of its own, so long
 * texts are cut at white space first: at 4 characters for every wanted id, and again at twice as many while that gives
 * too few ids, up to 16,384 characters or 16 for every wanted id. (The worst case, as many characters unknown to
 * Unigram, takes a second.)
 *
 * Known departures from the Python package: a tokenizer with a Precompiled normalizer (XLM-RoBERTa, T5) is normalised by
 * NFKC with a list of exceptions, and `single_word` of added tokens is ignored.
 */
export function libraryContent(tokenizerJson: object, tokenizerConfig: object): ContentEncoder {
  let tokenizer: Tokenizer;
  try {
    // The constructor reads these without asking whether they are there.
    const defaults = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
    tokenizer = new Tokenizer({ ...defaults, ...tokenizerJson }, tokenizerConfig);
  } catch (error) {
    throw new ConchError('TOKENIZER_INVALID', `tokenizer.json: ${(error as Error).message}`, { cause: error });
  }
  const encode = (text: string): number[] => tokenizer.encode(text.toWellFormed(), { add_special_tokens: false }).ids;
  const most = (limit: number) => Math.max(charactersAtLeast, charactersPerId * limit);
  return {
    last: (text, limit) => encode(text.slice(-most(limit))),
    first(text, limit) {
      for (let length = 4 * limit + 1024; ; length *= 2) {
        const cut = cutAtSpace(text, Math.min(length, most(limit)));
        const ids = encode(cut);
        // The last word before a cut may have been tokenized otherwise than inside the text.
        if (cut.length === text.length || length >= most(limit) || ids.length >= limit + 64) return ids;
      }
    },
  };
}

/** The longest start of `text` with at most `most` characters that ends before a space, if there is one near. */
function cutAtSpace(text: string, most: number): string {
  if (text.length <= most) return text;
  const space = text.lastIndexOf(' ', most);
  return text.slice(0, space > most - 1024 ? space : most);
}
