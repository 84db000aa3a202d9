import type { Datatype } from '../tensor/index.ts';

/** A tensor of a compiled model; `dims` without the batch dimension, -1 where dynamic. */
export interface CompiledTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
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
  readonly labels?: readonly string[];
}
