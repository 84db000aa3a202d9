import { Tensor } from 'onnxruntime-node';
import { type Datatype, halfToNumber, type TensorData } from '../../tensor/index.ts';
import type { GateTensor } from './sample.ts';

const types: Partial<Record<Datatype, string>> = {
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
};
const datatypes = new Map(Object.entries(types).map(([datatype, type]) => [type, datatype as Datatype]));

/** A tensor as ONNX Runtime for Node takes it. */
export function toRuntime({ datatype, dims, data }: GateTensor): Tensor {
  const type = types[datatype];
  if (type === undefined) throw new Error(`inputs of ${datatype} cannot be made up`);
  // Tensor turns patterns of halves into a Float16Array, which the binding does not read; it does read them as they are.
  if (datatype === 'FP16') {
    return Object.assign(new Tensor('uint16', data as Uint16Array, dims), { type: 'float16' as const }) as Tensor;
  }
  return new Tensor(type as 'float32', data as Float32Array, dims);
}

/** Halves come as FP32: nothing but their values is asked for. */
export function fromRuntime(name: string, { type, dims, data }: Tensor): GateTensor {
  const datatype = datatypes.get(type);
  if (datatype === undefined) throw new Error(`output '${name}' is of type ${type}, which cannot be compared`);
  if (datatype !== 'FP16') return { name, datatype, dims, data: data as TensorData };
  const { buffer, byteOffset, byteLength } = data as Uint16Array;
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  return { name, datatype: 'FP32', dims, data: Float32Array.from(halves, halfToNumber) };
}
