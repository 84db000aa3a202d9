import type { Datatype } from '../tensor/index.ts';

/** A graph input or output as its ValueInfoProto declares it. */
export interface OnnxTensorInfo {
  readonly name: string;
  /** Undefined for element types that Triton's protocol does not have (e.g. FLOAT8) and for values that are not tensors. */
  readonly datatype: Datatype | undefined;
  /** TensorProto.DataType number; 0 when undeclared or not a tensor. */
  readonly onnxType: number;
  /** A number is fixed, a string is a symbolic dimension, undefined is unknown; undefined as a whole: rank unknown. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

/** What an ONNX file says about itself, without its weights. */
export interface OnnxSummary {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  /** Graph inputs that the caller must feed: those without an initializer of the same name. */
  readonly inputs: readonly OnnxTensorInfo[];
  readonly outputs: readonly OnnxTensorInfo[];
  /** Graph inputs that have an initializer as default, and so may be left out. */
  readonly overridable: readonly string[];
  /** Operators by domain (`` is ai.onnx) and type, subgraphs and functions included, most frequent first. */
  readonly operators: readonly { readonly domain: string; readonly type: string; readonly count: number }[];
  /** Locations of external data, relative to the model's folder, as the file states them (unchecked). */
  readonly externalFiles: readonly string[];
  /** For each external location the bytes it must at least have, where the file states offsets and lengths. */
  readonly externalSizes: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}
