import type { Datatype } from '../tensor/index.ts';
import type { Layout, Task } from './architectures/index.ts';

/** A tensor of a compiled model; `dims` without the batch dimension, -1 where dynamic. */
export interface CompiledTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  /** A request may leave it out. */
  readonly optional?: boolean;
}

/** What a compile step wrote into a version folder. */
export interface CompiledModel {
  readonly inputs: readonly CompiledTensor[];
  readonly outputs: readonly CompiledTensor[];
  /** File names relative to the folder: `model.onnx`, and `model.onnx.data` where weights are external. */
  readonly files: readonly string[];
  readonly opset: number;
  readonly irVersion: number;
  /** Number of trained values in the graph. */
  readonly parameters: number;
  /** Size of all files together. */
  readonly bytes: number;
  /** Longest sequence that the positions allow, where the model has positions. */
  readonly maxLength?: number;
  /** Where a sentence encoder cuts texts (`max_seq_length`), at most `maxLength`. */
  readonly maxSeqLength?: number;
  readonly labels?: readonly string[];
  /** What an encoder answers, by the Hugging Face hub's names. */
  readonly task?: Task;
  /** A classifier's `problem_type`, where its configuration says. */
  readonly problemType?: string;
  /** What sentence-transformers' CrossEncoder does with a score outside the graph. */
  readonly scoreActivation?: string;
  /** How an encoder takes the texts of a batch. */
  readonly layout?: Layout;
  /** Outputs of a packed encoder that have a row for each token of the request. */
  readonly perToken?: readonly string[];
}
