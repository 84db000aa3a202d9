import { ConchError } from '../base/index.ts';

/** A part of tokenizer.json that names its kind. */
export type Component = { readonly type?: unknown } & Readonly<Record<string, unknown>>;

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** The parts of tokenizer.json that conch looks at; the rest is the library's. */
export interface TokenizerJson {
  readonly model: Component;
  readonly normalizer: Component | null;
  readonly preTokenizer: Component | null;
  readonly postProcessor: Component | null;
  readonly addedTokens: readonly AddedToken[];
  readonly truncation: { readonly maxLength: number | undefined; readonly left: boolean } | undefined;
  readonly padding: { readonly padId: number; readonly typeId: number; readonly left: boolean } | undefined;
}

/** TOKENIZER_INVALID at a field of tokenizer.json. */
export function invalid(path: string, message: string, fix?: string): ConchError {
  return new ConchError('TOKENIZER_INVALID', `tokenizer.json: ${path}: ${message}`, {
    where: { path },
    ...(fix === undefined ? {} : { fix }),
  });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const kinds = ['WordPiece', 'BPE', 'Unigram'];

/** Checks the frame of tokenizer.json; TOKENIZER_INVALID names the field that is missing or wrong. */
export function readTokenizerJson(json: object): TokenizerJson {
  if (!isRecord(json)) throw invalid('(root)', 'expected an object');
  const model = component(json, 'model');
  if (model === null) throw invalid('model', 'is missing', 'save the tokenizer with tokenizer.save(...)');
  // Files of before 2021 leave the type out; then the fields tell.
  const type =
    model.type ?? (Array.isArray(model.merges) ? 'BPE' : Array.isArray(model.vocab) ? 'Unigram' : 'WordPiece');
  if (typeof type !== 'string' || !kinds.includes(type)) {
    throw invalid('model.type', `${JSON.stringify(type)} is not supported, only ${kinds.join(', ')}`);
  }
  checkVocabulary(model, type);
  return {
    model: { ...model, type },
    normalizer: component(json, 'normalizer'),
    preTokenizer: component(json, 'pre_tokenizer'),
    postProcessor: component(json, 'post_processor'),
    addedTokens: addedTokens(json.added_tokens),
    truncation: truncation(json.truncation),
    padding: padding(json.padding),
  };
}

function component(json: Record<string, unknown>, name: string): Component | null {
  const value = json[name];
  if (value === undefined || value === null) return null;
  if (!isRecord(value)) throw invalid(name, 'expected an object');
  return value;
}

function checkVocabulary(model: Component, type: string): void {
  const { vocab } = model;
  if (type === 'Unigram') {
    if (!Array.isArray(vocab) || vocab.length === 0) throw invalid('model.vocab', 'expected a list of [piece, score]');
    const wrong = vocab.findIndex((piece) => typeof piece?.[0] !== 'string' || typeof piece?.[1] !== 'number');
    if (wrong >= 0) throw invalid(`model.vocab[${wrong}]`, 'expected [piece, score]');
    return;
  }
  if (!isRecord(vocab)) throw invalid('model.vocab', 'expected an object of tokens to ids');
  let tokens = 0;
  for (const token in vocab) {
    const id = vocab[token];
    if (!isId(id)) throw invalid(`model.vocab[${JSON.stringify(token)}]`, `expected an id, got ${JSON.stringify(id)}`);
    tokens++;
  }
  if (tokens === 0) throw invalid('model.vocab', 'is empty');
  if (type === 'BPE' && !Array.isArray(model.merges)) throw invalid('model.merges', 'expected a list of merges');
}

/** Ids travel as INT64, but no vocabulary reaches 2^31; the batch writer relies on that. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
}

function addedTokens(value: unknown): AddedToken[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid('added_tokens', 'expected a list');
  return value.map((token, i) => {
    if (!isRecord(token) || typeof token.content !== 'string' || token.content === '' || !isId(token.id)) {
      throw invalid(`added_tokens[${i}]`, 'expected an object with an id and a content');
    }
    const special = token.special === true;
    return {
      id: token.id,
      content: token.content,
      special,
      single_word: token.single_word === true,
      lstrip: token.lstrip === true,
      rstrip: token.rstrip === true,
      normalized: typeof token.normalized === 'boolean' ? token.normalized : !special,
    };
  });
}

function truncation(value: unknown): TokenizerJson['truncation'] {
  if (!isRecord(value)) return undefined;
  const length = value.max_length;
  const maxLength = Number.isInteger(length) && (length as number) > 0 ? (length as number) : undefined;
  return { maxLength, left: value.direction === 'Left' };
}

function padding(value: unknown): TokenizerJson['padding'] {
  if (!isRecord(value)) return undefined;
  return {
    padId: isId(value.pad_id) ? value.pad_id : 0,
    typeId: isId(value.pad_type_id) ? value.pad_type_id : 0,
    left: value.direction === 'Left',
  };
}
