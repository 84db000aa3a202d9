import type { Datatype, TensorData } from '../../tensor/index.ts';

/** A tensor on its way into or out of ONNX Runtime: text as JavaScript strings, everything else as a typed view. */
export interface OnnxTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly number[];
  readonly data: TensorData | string[];
}

/** ONNX Runtime's own names of element types. Its Node binding has none for BF16. */
export const onnxTypes: { readonly [type in Datatype]?: string } = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};
