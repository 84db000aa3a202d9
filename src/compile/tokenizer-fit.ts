import { join } from 'node:path';
import { ConchError } from '../base/index.ts';
import type { Checkpoint } from '../checkpoint/index.ts';
import { createTokenizer, type TokenizerFiles } from '../text/index.ts';

/**
 * Refuses a tokenizer that does not belong to the model: one with token ids beyond the embedding's `vocab_size` rows,
 * which would only fail at the first text that has such a token, and one that puts no special tokens around a text,
 * from the first of which an encoder's answer is read. Throws TOKENIZER_INVALID naming both files.
 */
export function checkTokenizerFits(files: TokenizerFiles, checkpoint: Checkpoint): void {
  const source = files.sources[0] ?? join(checkpoint.dir, 'tokenizer.json');
  const rows = checkpoint.config.vocab_size;
  const highest = highestId(files.tokenizerJson as TokenizerJson);
  if (typeof rows === 'number' && highest.id >= rows) {
    throw new ConchError(
      'TOKENIZER_INVALID',
      `${source}: token '${highest.token}' has id ${highest.id}, but config.json says vocab_size ${rows}: ids must be below it`,
      {
        where: { file: source },
        fix: 'take tokenizer and model from the same checkpoint, as save_pretrained wrote them',
      },
    );
  }
  const tokenizer = createTokenizer(files.tokenizerJson, { tokenizerConfig: files.tokenizerConfig });
  if (tokenizer.encode('').ids.length === 0) {
    throw new ConchError(
      'TOKENIZER_INVALID',
      `${source}: no special tokens are put around a text, but the model answers from the first of them`,
      {
        where: { file: source },
        fix: 'add the post_processor that the checkpoint was trained with, e.g. [CLS] ... [SEP]',
      },
    );
  }
}

interface TokenizerJson {
  /** A map of tokens to ids, or for Unigram a list of [token, score] whose index is the id. */
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> | readonly (readonly [string, number])[] };
  readonly added_tokens?: readonly { readonly id?: number; readonly content?: string }[];
}

function highestId({ model, added_tokens = [] }: TokenizerJson): { token: string; id: number } {
  let highest = { token: '', id: -1 };
  const consider = (token: string, id: number) => {
    if (id > highest.id) highest = { token, id };
  };
  const vocab = model?.vocab ?? {};
  if (Array.isArray(vocab)) for (const [id, [token]] of vocab.entries()) consider(token, id);
  else for (const [token, id] of Object.entries(vocab)) consider(token, id as number);
  for (const { content = '', id = -1 } of added_tokens) consider(content, id);
  return highest;
}
