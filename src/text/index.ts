import { notYet } from './pending.ts';

/** A checkpoint's tokenizer: text in, ids out, as the model was trained on. */
export interface TextTokenizer {
  /** Most ids of one text, special tokens included. */
  readonly maxLength: number;
  readonly padId: number;
  /** The tensors that the model takes, e.g. `input_ids`, `attention_mask`, `token_type_ids`. */
  readonly inputNames: readonly string[];
  encode(text: string): { ids: number[]; typeIds: number[] };
  /** All texts padded to the longest: row-major [batch, length]. */
  encodeBatch(texts: readonly string[]): EncodedBatch;
}

export interface EncodedBatch {
  batch: number;
  length: number;
  input_ids: BigInt64Array;
  attention_mask: BigInt64Array;
  token_type_ids: BigInt64Array;
}

export interface TokenizerOptions {
  /** The content of tokenizer_config.json. */
  tokenizerConfig?: object;
  /** An upper limit beside the tokenizer's own, e.g. the model's number of positions. */
  maxLength?: number;
}

export interface TokenizerFiles {
  tokenizerJson: object;
  tokenizerConfig: object;
  maxLength: number;
  /** Files read, absolute paths. */
  sources: string[];
}

export function createTokenizer(_tokenizerJson: object, _options: TokenizerOptions = {}): TextTokenizer {
  return notYet();
}

/** The tokenizer in a folder that holds tokenizer.json and perhaps tokenizer_config.json. */
export function readTokenizer(_dir: string, _options: { maxLength?: number } = {}): Promise<TextTokenizer> {
  return notYet();
}

export function tokenizerFiles(
  _checkpointDir: string,
  _options: { maxPositions?: number } = {},
): Promise<TokenizerFiles> {
  return notYet();
}

export function readLabels(_config: { id2label?: Record<string, string>; num_labels?: number }): string[] {
  return notYet();
}

export function softmax(_logits: ArrayLike<number>): number[] {
  return notYet();
}
