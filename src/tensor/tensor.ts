import { ConchError } from '../base/index.ts';
import { type Datatype, datatypes } from './datatypes.ts';

export type TensorData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/**
 * A named tensor: row-major elements in a typed view over bytes (little-endian). Shapes include the batch dimension
 * where the model has one. BYTES tensors hold their wire form: each element a 4-byte little-endian length, then bytes.
 */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Number of elements of a concrete shape; 1 for a scalar (`[]`). */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** A typed view of `bytes` as `datatype`; copies only when the bytes do not start at a multiple of the element size. */
export function viewBytes(datatype: Datatype, bytes: Uint8Array): TensorData {
  const { array, size } = datatypes[datatype];
  if (size <= 1) return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength % size !== 0) {
    throw new ConchError('REQUEST_INVALID', `${bytes.byteLength} bytes are not a whole number of ${datatype} elements`);
  }
  // A Buffer's own slice() would share memory and stay misaligned.
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.prototype.slice.call(bytes);
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The bytes under a tensor's data, without a copy. */
export function bytesOf(tensor: { readonly data: TensorData }): Uint8Array {
  const { data } = tensor;
  return data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A tensor whose data must have exactly as many elements as `shape` says; throws REQUEST_INVALID otherwise. */
export function createTensor(name: string, datatype: Datatype, shape: readonly number[], data: TensorData): Tensor {
  if (datatype !== 'BYTES' && data.length !== elementCount(shape)) {
    throw new ConchError(
      'REQUEST_INVALID',
      `tensor '${name}': shape [${shape}] needs ${elementCount(shape)} elements, got ${data.length}`,
      { where: { path: name } },
    );
  }
  return { name, datatype, shape, data };
}
