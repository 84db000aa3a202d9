import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelEntry, ModelRepository } from '../repository/index.ts';

/** A tokenizer model that Triton's stock image cannot run, and what kind it is. */
export interface NeedyTokenizer {
  readonly model: string;
  /** Of model, normaliser and pre-tokenizer, e.g. `BPE, NFC, ByteLevel`. */
  readonly kind: string;
}

const wordPiece = ['WordPiece', 'BertNormalizer', 'BertPreTokenizer'];

/**
 * The tokenizers in `repository` that need the Python package `tokenizers`. model.py runs BERT's WordPiece by itself,
 * with numpy, which Triton's image has; the test here is the one that model.py makes when the package is not there.
 */
export async function needyTokenizers(repository: ModelRepository): Promise<NeedyTokenizer[]> {
  const found: NeedyTokenizer[] = [];
  for (const entry of repository.models) {
    const kind = await needyKind(entry);
    if (kind !== undefined) found.push({ model: entry.name, kind });
  }
  return found;
}

async function needyKind(entry: ModelEntry): Promise<string | undefined> {
  const config = entry.parsed?.config;
  if (config?.backend !== 'python' || config.parameters?.['conch.backend']?.string_value !== 'tokenizer')
    return undefined;
  for (const version of entry.versions) {
    const text = await readFile(join(version.dir, 'tokenizer.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const kind = kindOf(JSON.parse(text));
    if (kind !== undefined) return kind;
  }
  return undefined;
}

interface TokenizerSpec {
  readonly model?: { readonly type?: string; readonly vocab?: unknown; readonly merges?: unknown };
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly added_tokens?: readonly { single_word?: boolean; normalized?: boolean; special?: boolean }[];
}

function kindOf({ model = {}, normalizer, pre_tokenizer, added_tokens = [] }: TokenizerSpec): string | undefined {
  const isMap = typeof model.vocab === 'object' && model.vocab !== null && !Array.isArray(model.vocab);
  const type = model.type ?? (isMap && model.merges === undefined ? 'WordPiece' : undefined);
  const kinds = [type, normalizer?.type, pre_tokenizer?.type];
  if (kinds.some((kind, index) => kind !== wordPiece[index])) return kinds.map((kind) => kind ?? 'none').join(', ');
  const special = added_tokens.some(
    ({ single_word, normalized, special: isSpecial }) => single_word === true || (normalized ?? isSpecial !== true),
  );
  return special ? 'WordPiece with added words' : undefined;
}
