import type { Dimension, Value } from '../../../onnx/index.ts';

/** How the tokens of a batch lie in memory. */
export const layouts = ['padded', 'packed'] as const;
export type Layout = (typeof layouts)[number];

/** The lowest FP32 number, as transformers masks with. */
export const lowest = -3.4028234663852886e38;

/**
 * The tokens of a batch. Encoders work on one run of tokens, [tokens, size]; what needs the texts one by one (attention,
 * pooling) takes them `apart`, every text as long as the longest, and puts them `together` again. Nothing else of an
 * architecture knows whether the texts came padded or packed.
 */
export interface Tokens {
  /** INT64, one for each token, in the layout's own shape. */
  readonly ids: Value;
  /** The same of token types, where the model takes them. */
  readonly types: Value | undefined;
  /** INT64 [batch, sequence] of texts apart: 1 for a token, 0 beyond a text's end. */
  readonly mask: Value;
  /**
   * What, added to a query's score with a key beyond its text's end, leaves that key no share. Only where scores do not
   * hang on places, but for what has been added to the tokens before the first layer.
   */
  readonly beyond: number;
  /** INT64 [1]: tokens of the longest text, the size of `sequence`. */
  readonly longest: Value;
  /** The row of `table` [rows, size] for each token's place in its text, to be added to what `ids` pick. */
  places(table: Value, rows: number): Value;
  /**
   * The same where places are counted over tokens other than `padId`, from `padId + 1` on, and those have row `padId`
   * (fairseq's way, which RoBERTa and MPNet inherited).
   */
  countedPlaces(table: Value, rows: number, padId: number): Value;
  /** What was picked by `ids`, as [tokens, size]. */
  run(value: Value, size: number): Value;
  /** [tokens, ...] to [batch, sequence, ...dims]. */
  apart(value: Value, dims: readonly number[]): Value;
  /** [batch, sequence, ...] to [tokens, size]. */
  together(value: Value, size: number): Value;
  /** The first token of each text: [tokens, size] to [batch, size]. */
  first(value: Value, size: number): Value;
  /** [tokens, size] in the shape of an output with a row for each token of the request. */
  perToken(value: Value, size: number): { readonly value: Value; readonly shape: readonly Dimension[] };
}
