import { ConchError } from '../../base/index.ts';
import {
  bytesOf,
  type Datatype,
  datatypes,
  decodeStrings,
  encodeBytes,
  type Tensor,
  type TensorData,
} from '../../tensor/index.ts';
import type { BackendResponse, Batch } from '../backend.ts';

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

/** What the config cannot say about a model's tensors. */
export interface OnnxLayout {
  /** Whether the first dimension of every tensor is the batch. */
  readonly batched: boolean;
  /** Tensors of rank 0 in the model, which requests and responses carry as shape `[1]`. */
  readonly scalars: ReadonlySet<string>;
}

/**
 * The inputs of a batch, each stacked along the batch dimension. With `owned` all of them lie in memory of their own
 * (one buffer, which can be transferred to a thread); otherwise a single request's tensors are used where they are.
 */
export function stackInputs(batch: Batch, layout: OnnxLayout, owned: boolean): OnnxTensor[] {
  const [first] = batch.requests;
  if (!first) return [];
  const alone = batch.requests.length === 1;
  const sizes = first.inputs.map((_, index) =>
    batch.requests.reduce((sum, request) => sum + request.inputs[index]!.data.byteLength, 0),
  );
  const copied = first.inputs.map((input) => input.datatype !== 'BYTES' && (owned || !alone || !isNative(input)));
  const total = sizes.reduce((sum, size, index) => sum + (copied[index] ? align(size) : 0), 0);
  // Not from Node's pool: pooled buffers cannot be transferred. Not zeroed: every byte is written below.
  const memory = total > 0 ? Buffer.allocUnsafeSlow(total) : undefined;
  let offset = 0;
  return first.inputs.map((input, index) => {
    const { name, datatype, shape } = input;
    const dims = layout.scalars.has(name) ? [] : alone ? shape : [batch.rows, ...shape.slice(1)];
    const parts = batch.requests.map((request) => request.inputs[index]!);
    if (datatype === 'BYTES')
      return { name, datatype, dims, data: parts.flatMap((part) => decodeStrings(bytesOf(part))) };
    if (!copied[index]) return { name, datatype, dims, data: input.data };
    const start = offset;
    for (const part of parts) {
      memory!.set(bytesOf(part), offset);
      offset += part.data.byteLength;
    }
    offset = start + align(sizes[index]!);
    return { name, datatype, dims, data: viewOf(datatype, memory!.buffer, memory!.byteOffset + start, sizes[index]!) };
  });
}

/** Each request's share of the outputs, in the order it asked for, as views where the type allows. */
export function unstackOutputs(outputs: readonly OnnxTensor[], batch: Batch, layout: OnnxLayout): BackendResponse[] {
  const { batched, scalars } = layout;
  const byName = new Map(outputs.map((output) => [output.name, output]));
  for (const { name, dims } of outputs) {
    if (batched && dims[0] !== batch.rows) {
      throw new ConchError(
        'EXECUTION_FAILED',
        `output '${name}': the model returned shape [${dims}] for a batch of ${batch.rows}; its first dimension must be the batch`,
        { where: { path: name }, fix: 'export the model with a dynamic first dimension, or set max_batch_size to 0' },
      );
    }
  }
  let row = 0;
  return batch.requests.map((request) => {
    const start = row;
    row += request.rows;
    const tensors = request.outputs.map((name) => {
      const output = byName.get(name);
      if (!output) throw new ConchError('EXECUTION_FAILED', `output '${name}': the model did not return it`);
      if (batched) return sliceRows(output, start, request.rows, batch.rows);
      return toTensor(output, scalars.has(name) ? [1] : output.dims, output.data);
    });
    return { outputs: tensors };
  });
}

function sliceRows(output: OnnxTensor, start: number, rows: number, all: number): Tensor {
  const each = output.data.length / all;
  const data =
    rows === all
      ? output.data
      : Array.isArray(output.data)
        ? output.data.slice(start * each, (start + rows) * each)
        : output.data.subarray(start * each, (start + rows) * each);
  return toTensor(output, rows === all ? output.dims : [rows, ...output.dims.slice(1)], data);
}

function toTensor({ name, datatype }: OnnxTensor, shape: readonly number[], data: TensorData | string[]): Tensor {
  return { name, datatype, shape, data: Array.isArray(data) ? encodeBytes(data) : data };
}

/** Whether a tensor's data is already the typed array that its type is viewed as. */
function isNative({ datatype, data }: Tensor): boolean {
  return data instanceof datatypes[datatype].array;
}

/** A view of `bytes` bytes at `offset`, which must be a multiple of the element size. */
export function viewOf(datatype: Datatype, buffer: ArrayBufferLike, offset: number, bytes: number): TensorData {
  const { array, size } = datatypes[datatype];
  return new array(buffer as ArrayBuffer, offset, bytes / (size || 1));
}

function align(size: number): number {
  return Math.ceil(size / 8) * 8;
}
