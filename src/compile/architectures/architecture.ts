import type { Checkpoint } from '../../checkpoint/index.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';
import type { Tokens } from './blocks/tokens.ts';
import type { Weights } from './blocks/weights.ts';

/** What a model answers, by the names of the Hugging Face hub. */
export type Task =
  | 'text-classification'
  | 'text-ranking'
  | 'token-classification'
  | 'feature-extraction'
  | 'sentence-similarity';

/** What the parts of one model's graph are built with. */
export interface Building {
  readonly graph: GraphBuilder;
  readonly tokens: Tokens;
  /** The encoder's own tensors, without the prefix that a model with a head gives them. */
  readonly weights: Weights;
  /** The tensors of the head, by their full names. */
  readonly head: Weights;
}

/** One checkpoint's encoder, its configuration checked; builds the parts of a graph, whatever layout and task. */
export interface Encoder {
  readonly hiddenSize: number;
  /** Longest sequence, special tokens included. */
  readonly maxLength: number;
  /** Whether it takes `token_type_ids`. */
  readonly takesTypes: boolean;
  /** How the classifier makes one vector of a text: its first token's, or the mean of all. */
  readonly classifierPooling: 'first' | 'mean';
  /** Hidden states of the last layer: [tokens, hidden], or with `firstTokenOnly` each text's first, [batch, hidden]. */
  hidden(building: Building, firstTokenOnly: boolean): Value;
  /** The classifier on one vector a text, [batch, hidden]: [batch, labels]. */
  classifyTexts(building: Building, pooled: Value, labels: number): Value;
  /** The classifier on every token, [tokens, hidden]: [tokens, labels]. */
  classifyTokens(building: Building, hidden: Value, labels: number): Value;
}

/** One family of checkpoints. */
export interface Architecture {
  /** config.json's `model_type` to what transformers' classes of it begin with, e.g. `bert` to `Bert`. */
  readonly families: Readonly<Record<string, string>>;
  /** What stands before the encoder's tensors in a model with a head, e.g. `bert.`. */
  readonly prefix: string;
  /** Throws CHECKPOINT_UNSUPPORTED or CHECKPOINT_INVALID naming the field of config.json. */
  open(checkpoint: Checkpoint): Encoder;
}
