import { ConchError } from '../../base/index.ts';
import {
  bytesOf,
  type Datatype,
  datatypes,
  decodeStrings,
  elementCount,
  encodeBytes,
  type Tensor,
  type TensorData,
} from '../../tensor/index.ts';
import type { BackendResponse, Batch } from '../backend.ts';
import type { OnnxLayout } from './onnx-layout.ts';
import { batchInputs, scatterShapes } from './onnx-ragged.ts';
import type { OnnxTensor } from './onnx-types.ts';

/**
 * The inputs of a batch: each stacked along the batch dimension, ragged ones laid end to end, then those that are made
 * from the batch. With `owned` all of them lie in memory of their own
 * (one buffer, which can be transferred to a thread, that of the first one that is not text; what is made lies apart);
 * otherwise a single request's tensors are used where they are.
 */
export function stackInputs(batch: Batch, layout: OnnxLayout, owned: boolean): OnnxTensor[] {
  const [first] = batch.requests;
  if (!first) return [];
  const alone = batch.requests.length === 1;
  if (alone && !owned && layout.plain && first.inputs.every(isSent)) return first.inputs.map(asSent);
  const sizes = first.inputs.map((_, index) =>
    batch.requests.reduce((sum, request) => sum + request.inputs[index]!.data.byteLength, 0),
  );
  const copied = first.inputs.map((input) => input.datatype !== 'BYTES' && (owned || !alone || !isNative(input)));
  const total = sizes.reduce((sum, size, index) => sum + (copied[index] ? align(size) : 0), 0);
  // Not from Node's pool: pooled buffers cannot be transferred. Not zeroed: every byte is written below.
  const memory = Buffer.allocUnsafeSlow(total);
  let offset = 0;
  const sent = first.inputs.map((input, index): OnnxTensor => {
    const { name, datatype } = input;
    const parts = batch.requests.map((request) => request.inputs[index]!);
    const dims = stackedDims(parts, batch.rows, layout);
    if (datatype === 'BYTES')
      return { name, datatype, dims, data: parts.flatMap((part) => decodeStrings(bytesOf(part))) };
    if (!copied[index]) return { name, datatype, dims, data: input.data };
    const start = offset;
    for (const part of parts) {
      memory.set(bytesOf(part), offset);
      offset += part.data.byteLength;
    }
    offset = start + align(sizes[index]!);
    return { name, datatype, dims, data: viewOf(datatype, memory.buffer, memory.byteOffset + start, sizes[index]!) };
  });
  if (layout.batchInputs.length === 0) return sent;
  return [...sent, ...layout.batchInputs.flatMap((plan) => batchInputs(plan, batch))];
}

/** Whether a tensor can go to the runtime as it came. */
function isSent(input: Tensor): boolean {
  return input.datatype !== 'BYTES' && isNative(input);
}

function asSent({ name, datatype, shape, data }: Tensor): OnnxTensor {
  return { name, datatype, dims: shape, data };
}

function stackedDims(parts: readonly Tensor[], rows: number, { scalars, ragged }: OnnxLayout): readonly number[] {
  const { name, shape } = parts[0]!;
  if (scalars.has(name)) return [];
  if (ragged.has(name)) return [parts.reduce((sum, part) => sum + elementCount(part.shape), 0)];
  return parts.length === 1 ? shape : [rows, ...shape.slice(1)];
}

/** Each request's share of the outputs, in the order it asked for, as views where the type allows. */
export function unstackOutputs(outputs: readonly OnnxTensor[], batch: Batch, layout: OnnxLayout): BackendResponse[] {
  const { batched, scalars, scattered } = layout;
  if (batch.requests.length === 1 && layout.plain) {
    for (const output of outputs) if (batched) checkRows(output, batch.rows);
    return [{ outputs: outputs.map((output) => toTensor(output, output.dims, output.data)) }];
  }
  const byName = new Map(outputs.map((output) => [output.name, output]));
  const shares = new Map<string, ReturnType<typeof scatterShapes>>();
  for (const output of outputs) {
    const { name } = output;
    const plan = scattered.get(name);
    if (plan) shares.set(name, scatterShapes(output, plan, batch));
    else if (batched) checkRows(output, batch.rows);
  }
  let row = 0;
  return batch.requests.map((request, index) => {
    const start = row;
    row += request.rows;
    const tensors = request.outputs.map((name) => {
      const output = byName.get(name);
      if (!output) throw new ConchError('EXECUTION_FAILED', `output '${name}': the model did not return it`);
      const share = shares.get(name)?.[index];
      if (share) return toTensor(output, share.shape, slice(output, share.offset, elementCount(share.shape)));
      if (batched) return sliceRows(output, start, request.rows, batch.rows);
      return toTensor(output, scalars.has(name) ? [1] : output.dims, output.data);
    });
    return { outputs: tensors };
  });
}

function checkRows({ name, dims }: OnnxTensor, rows: number): void {
  if (dims[0] === rows) return;
  throw new ConchError(
    'EXECUTION_FAILED',
    `output '${name}': the model returned shape [${dims}] for a batch of ${rows}; its first dimension must be the batch`,
    { where: { path: name }, fix: 'export the model with a dynamic first dimension, or set max_batch_size to 0' },
  );
}

function sliceRows(output: OnnxTensor, start: number, rows: number, all: number): Tensor {
  const each = output.data.length / all;
  const shape = rows === all ? output.dims : [rows, ...output.dims.slice(1)];
  return toTensor(output, shape, slice(output, start * each, rows * each));
}

function slice({ data }: OnnxTensor, start: number, count: number): TensorData | string[] {
  if (count === data.length) return data;
  return Array.isArray(data) ? data.slice(start, start + count) : data.subarray(start, start + count);
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
