import type { Checkpoint } from '../../checkpoint/index.ts';
import type { Dimension, GraphBuilder } from '../../onnx/index.ts';

/** What a graph became, beyond itself. */
export interface EncoderFacts {
  /** Longest sequence that the positions allow. */
  readonly maxLength: number;
  /** Trained values in the graph. */
  readonly parameters: number;
  /** The output's last dimension belongs to these, where the model classifies. */
  readonly labels?: readonly string[];
}

/** Builds the graph of one family of checkpoints; the file is written by `compileEncoder`. */
export interface Architecture {
  /** Class names in config.json's `architectures` that it takes. */
  readonly classes: readonly string[];
  build(graph: GraphBuilder, checkpoint: Checkpoint): EncoderFacts;
}

/** Symbolic dimensions of every padded encoder: texts in a request, tokens of the longest. */
export const padded: readonly Dimension[] = ['batch', 'sequence'];
