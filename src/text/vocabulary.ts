import { ConchError } from '../base/index.ts';
import { isRecord } from './tokenizer-json.ts';

/** The tokens that BERT's tokenizer needs, with the names they have unless the checkpoint says otherwise. */
const specialTokens = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
} as const;

export interface BertSettings {
  readonly lowercase: boolean;
  readonly stripAccents: boolean | null;
  readonly chineseChars: boolean;
  /** Token names by role. */
  readonly tokens: Readonly<Record<keyof typeof specialTokens, string>>;
}

/**
 * How BertTokenizer reads tokenizer_config.json and special_tokens_map.json (the first one wins): lower-casing,
 * accents and ideographs with its defaults, and the names of the special tokens.
 */
export function bertSettings(tokenizerConfig: object, specialTokensMap: object): BertSettings {
  const config = tokenizerConfig as Record<string, unknown>;
  const map = specialTokensMap as Record<string, unknown>;
  const tokens = Object.fromEntries(
    Object.entries(specialTokens).map(([role, usual]) => [role, name(config[role]) ?? name(map[role]) ?? usual]),
  ) as BertSettings['tokens'];
  return {
    lowercase: config.do_lower_case !== false,
    stripAccents: typeof config.strip_accents === 'boolean' ? config.strip_accents : null,
    chineseChars: config.tokenize_chinese_chars !== false,
    tokens,
  };
}

function name(token: unknown): string | undefined {
  const content = isRecord(token) ? token.content : token;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

/**
 * tokenizer.json for a BERT checkpoint that has only vocab.txt (one token a line, the line's number is its id), as
 * transformers converts it. Line ends may be Windows'; blank lines at the end are no tokens. TOKENIZER_INVALID when a
 * special token is not in the vocabulary.
 */
export function tokenizerFromVocabulary(text: string, settings: BertSettings, file: string): object {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)!.trim() === '') lines.pop();
  const vocab: Record<string, number> = Object.create(null);
  lines.forEach((token, id) => {
    vocab[token] = id;
  });
  const ids = Object.entries(settings.tokens).map(([role, token]) => {
    const id = vocab[token];
    // Old vocabularies lack a mask; classification does not need one.
    if (id === undefined && role !== 'mask_token') {
      throw new ConchError('TOKENIZER_INVALID', `vocab.txt has ${lines.length} tokens but no ${token} (${role})`, {
        where: { file },
        fix: `add ${token}, or name the checkpoint's own ${role} in tokenizer_config.json`,
      });
    }
    return { token, id };
  });
  const { cls_token: cls, sep_token: sep, unk_token } = settings.tokens;
  const special = (token: string, type_id: number) => ({ SpecialToken: { id: token, type_id } });
  const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: ids
      .filter(({ id }) => id !== undefined)
      .sort((a, b) => a.id! - b.id!)
      .map(({ token, id }) => ({
        id,
        content: token,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.chineseChars,
      strip_accents: settings.stripAccents,
      lowercase: settings.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special(cls, 0), sequence('A', 0), special(sep, 0)],
      pair: [special(cls, 0), sequence('A', 0), special(sep, 0), sequence('B', 1), special(sep, 1)],
      special_tokens: Object.fromEntries(
        [cls, sep].map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: { ...vocab },
    },
  };
}
