import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../config/index.ts';
import { type Datatype, datatypeFromConfig } from '../tensor/index.ts';

/** An input or output as its config declares it, made ready for the request path. Shapes leave the batch dimension out. */
export interface DeclaredTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** What clients send and get; -1 is variable. */
  readonly dims: readonly number[];
  /** What the model takes and gives: `reshape` where the config has one, else `dims`. */
  readonly modelDims: readonly number[];
  readonly reshaped: boolean;
  readonly optional: boolean;
  /** Has variable dimensions that requests in one batch must agree on. */
  readonly variable: boolean;
}

/** The config must have been validated: names and types are there. */
export function declaredInputs(config: ModelConfig): DeclaredTensor[] {
  return (config.input ?? []).map((input) => ({
    ...declare(input),
    optional: input.optional ?? false,
    variable: dimsOf(input).includes(-1) && !input.allow_ragged_batch,
  }));
}

export function declaredOutputs(config: ModelConfig): DeclaredTensor[] {
  return (config.output ?? []).map((output) => ({ ...declare(output), optional: false, variable: false }));
}

export function maxBatchSizeOf(config: ModelConfig): number {
  return toInteger(config.max_batch_size);
}

function declare(tensor: ModelInput | ModelOutput): Omit<DeclaredTensor, 'optional' | 'variable'> {
  const dims = dimsOf(tensor);
  return {
    name: tensor.name!,
    datatype: datatypeFromConfig(String(tensor.data_type))!.name,
    dims,
    modelDims: tensor.reshape ? (tensor.reshape.shape ?? []).map(Number) : dims,
    reshaped: tensor.reshape !== undefined,
  };
}

/** Whether `shape`, from the dimension at `start` on, fits `dims`, where -1 is anything. */
export function fits(shape: readonly number[], dims: readonly number[], start = 0): boolean {
  if (shape.length - start !== dims.length) return false;
  for (let index = 0; index < dims.length; index++) {
    if (dims[index] !== -1 && dims[index] !== shape[start + index]) return false;
  }
  return true;
}

/** `to` with its variable dimensions filled from those of `shape` under `from`, in order (Triton's reshape). */
export function reshapeTo(shape: readonly number[], from: readonly number[], to: readonly number[]): number[] {
  const values = shape.filter((_, index) => from[index] === -1);
  let next = 0;
  return to.map((dim) => (dim === -1 ? (values[next++] ?? -1) : dim));
}

/** `[2,10]`, with `batch=` or `batch` before the first dimension where it is the batch. */
export function showShape(shape: readonly number[], batched: boolean): string {
  const marked = shape.map((dim, index) =>
    batched && index === 0 ? (dim === -1 ? 'batch' : `batch=${dim}`) : `${dim}`,
  );
  return `[${marked.join(',')}]`;
}
