import type { Datatype, TensorData } from '../../tensor/index.ts';

/** A tensor of a model: its data type, and its shape with -1 for what varies; the first dimension is the batch where the model has one. */
export interface TensorSignature {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly optional?: boolean;
}

/** What a model takes and gives: enough to check requests before they are sent. */
export interface ModelSignature {
  readonly name: string;
  /** Most rows of one request; 0 where the model has no batch dimension. */
  readonly maxBatchSize: number;
  /** One request may have any number of responses: use `stream`. */
  readonly decoupled?: boolean;
  /** Requests belong to sequences: `infer` needs `sequence`. */
  readonly stateful?: boolean;
  readonly inputs: Readonly<Record<string, TensorSignature>>;
  readonly outputs: Readonly<Record<string, TensorSignature>>;
}

/** The typed array that holds a data type: FP16 and BF16 as their 16-bit patterns, BYTES in its wire form. */
export interface TypedArrays {
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: Uint8Array;
  BF16: Uint16Array;
}

/** The plain value of a data type's elements. */
export type ElementOf<D extends Datatype> = D extends 'BYTES'
  ? string
  : D extends 'BOOL'
    ? boolean
    : D extends 'INT64' | 'UINT64'
      ? bigint
      : number;

/** What is taken for a data type's elements: its typed array, without a copy, or plain values. */
export type ValuesOf<D extends Datatype> = D extends 'BYTES'
  ? string | readonly (string | Uint8Array)[]
  : D extends 'BOOL'
    ? readonly boolean[] | Uint8Array
    : D extends 'INT64' | 'UINT64'
      ? TypedArrays[D] | readonly bigint[] | readonly number[]
      : D extends 'FP16' | 'BF16'
        ? Uint16Array | Float32Array | readonly number[]
        : TypedArrays[D] | readonly number[];

/** A shape with `number` for what varies: `[-1, 10]` becomes `[number, 10]`. */
export type ShapeOf<Shape extends readonly number[]> = {
  readonly [Axis in keyof Shape]: Shape[Axis] extends -1 ? number : Shape[Axis];
};

/**
 * Elements alone where at most one dimension varies, which then follows from their number; else with their shape. With a
 * shape BYTES may be in their wire form, as an output has them.
 */
export type InputOf<T extends TensorSignature> =
  | ValuesOf<T['datatype']>
  | { readonly shape: ShapeOf<T['shape']>; readonly data: ValuesOf<T['datatype']> | TypedArrays[T['datatype']] };

type OptionalNames<T extends Readonly<Record<string, TensorSignature>>> = {
  [Name in keyof T]: T[Name] extends { readonly optional: true } ? Name : never;
}[keyof T];

/** The inputs of a model by name. */
export type InputsOf<S extends ModelSignature> = {
  readonly [Name in Exclude<keyof S['inputs'], OptionalNames<S['inputs']>>]: InputOf<S['inputs'][Name]>;
} & { readonly [Name in OptionalNames<S['inputs']>]?: InputOf<S['inputs'][Name]> | undefined };

/** An output, checked to be what the signature says. It is a tensor that inputs of other requests may take. */
export interface TypedTensor<T extends TensorSignature = TensorSignature> {
  readonly name: string;
  readonly datatype: T['datatype'];
  readonly shape: ShapeOf<T['shape']>;
  readonly data: TypedArrays[T['datatype']] & TensorData;
  /** The elements as plain values, in row-major order; FP16 and BF16 widened, BYTES as text. */
  values(): ElementOf<T['datatype']>[];
}

/** The outputs of a model by name. */
export type OutputsOf<S extends ModelSignature> = {
  readonly [Name in keyof S['outputs']]: TypedTensor<S['outputs'][Name]>;
};
