import { ConchError } from '../../base/index.ts';
import type { ModelMetadata } from '../../protocol/index.ts';
import { type Tensor, type TensorValue, tensorOf, valuesOf } from '../../tensor/index.ts';
import type { ModelSignature, TensorSignature, TypedTensor } from './signature.ts';

/** The tensors of a request, held against the signature. Throws REQUEST_INVALID naming the input. */
export function toInputs(signature: ModelSignature, given: Readonly<Record<string, unknown>>): Tensor[] {
  const { name: model, inputs, maxBatchSize } = signature;
  const unknown = Object.keys(given).find((name) => given[name] !== undefined && !Object.hasOwn(inputs, name));
  if (unknown !== undefined) throw invalid(model, unknown, `is no input; the model has ${listed(inputs)}`);
  const tensors: Tensor[] = [];
  for (const [name, tensor] of Object.entries(inputs)) {
    const value = given[name];
    if (value !== undefined) tensors.push(toTensor(model, name, tensor, value));
    else if (!tensor.optional) throw invalid(model, name, `is missing; it is ${shown(tensor)}`);
  }
  if (maxBatchSize > 0) checkBatch(model, maxBatchSize, tensors);
  return tensors;
}

function toTensor(model: string, name: string, signature: TensorSignature, value: unknown): Tensor {
  const { datatype } = signature;
  const shaped = isShaped(value);
  const data = shaped ? value.data : value;
  const elements = typeof data === 'string' ? [data] : data;
  if (!Array.isArray(elements) && !(ArrayBuffer.isView(elements) && !(elements instanceof DataView))) {
    throw invalid(model, name, `is ${shown(signature)}: give a typed array or a list of values, not ${typeof data}`);
  }
  const values = elements as ArrayLike<TensorValue>;
  // A tensor of another answer has its BYTES in their wire form.
  if (datatype === 'BYTES' && elements instanceof Uint8Array && shaped) {
    return { name, datatype, shape: checked(model, name, signature, value.shape), data: elements };
  }
  const shape = shaped ? checked(model, name, signature, value.shape) : inferred(model, name, signature, values.length);
  return tensorOf(name, datatype, shape, values);
}

function isShaped(value: unknown): value is { shape: readonly number[]; data: unknown } {
  return typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;
}

/** A shape that was given. */
function checked(model: string, name: string, signature: TensorSignature, shape: readonly number[]): readonly number[] {
  if (fits(signature.shape, shape)) return shape;
  throw invalid(model, name, `is ${shown(signature)}, got the shape [${shape}]`);
}

/** The shape that so many elements fill, where at most one dimension varies. */
function inferred(model: string, name: string, signature: TensorSignature, count: number): number[] {
  const { shape } = signature;
  const fixed = shape.reduce((product, dim) => (dim < 0 ? product : product * dim), 1);
  const free = shape.filter((dim) => dim < 0).length;
  if (free > 1) throw invalid(model, name, `is ${shown(signature)}: give {shape, data}, since ${free} dimensions vary`);
  const rest = count / fixed;
  if (!Number.isInteger(rest) || (free === 0 && rest !== 1)) {
    throw invalid(model, name, `is ${shown(signature)}, which ${count} elements do not fill`);
  }
  return shape.map((dim) => (dim < 0 ? rest : dim));
}

function fits(declared: readonly number[], shape: readonly number[]): boolean {
  return (
    shape.length === declared.length &&
    shape.every((dim, axis) => Number.isInteger(dim) && dim >= 0 && (declared[axis]! < 0 || declared[axis] === dim))
  );
}

/** All inputs have the same number of rows, and not too many. */
function checkBatch(model: string, most: number, tensors: readonly Tensor[]): void {
  const [first] = tensors;
  for (const { name, shape } of tensors) {
    if (shape[0]! < 1 || shape[0]! > most)
      throw invalid(model, name, `has ${shape[0]} rows; a request has 1 to ${most}`);
    if (shape[0] !== first!.shape[0]) {
      throw invalid(model, name, `has ${shape[0]} rows, '${first!.name}' has ${first!.shape[0]}`);
    }
  }
}

/** An output, held against the signature. Throws SERVER_ERROR. */
export function toOutput(signature: ModelSignature, tensor: Tensor): TypedTensor {
  const declared = Object.hasOwn(signature.outputs, tensor.name) ? signature.outputs[tensor.name] : undefined;
  if (!declared || declared.datatype !== tensor.datatype || !fits(declared.shape, tensor.shape)) {
    const wanted = declared ? `is ${shown(declared)} here` : `is not known here: ${listed(signature.outputs)}`;
    throw stale(`model '${signature.name}' answered output '${tensor.name}' as ${shown(tensor)}; it ${wanted}`);
  }
  return Object.assign(Object.create(typed) as { values: never }, tensor as never) as TypedTensor;
}

/** On the prototype, so that an output is equal to a plain tensor but for this. */
const typed = {
  values(this: Tensor) {
    return valuesOf(this);
  },
};

export function missingOutput(signature: ModelSignature, name: string): ConchError {
  return stale(`model '${signature.name}' answered without output '${name}'`);
}

/** What the server's metadata says otherwise than the signature, one line each. */
export function differences(signature: ModelSignature, metadata: ModelMetadata): string[] {
  return (['inputs', 'outputs'] as const).flatMap((side) => {
    const declared = signature[side];
    const served = new Map(metadata[side].map((tensor) => [tensor.name, tensor]));
    const lines = Object.entries(declared).map(([name, tensor]) => {
      const other = served.get(name);
      if (!other) return tensor.optional ? undefined : `${side}: '${name}' is not there`;
      return shown(tensor) === shown(other) ? undefined : `${side}: '${name}' is ${shown(other)}, not ${shown(tensor)}`;
    });
    const added = [...served.values()].filter(({ name }) => !Object.hasOwn(declared, name));
    return [
      ...lines.filter((line) => line !== undefined),
      ...added.map((one) => `${side}: '${one.name}' is new, ${shown(one)}`),
    ];
  });
}

export function stale(message: string): ConchError {
  return new ConchError('SERVER_ERROR', message, { fix: 'write the client anew: conch client generate' });
}

function shown({ datatype, shape }: { readonly datatype: string; readonly shape: readonly number[] }): string {
  return `${datatype} [${shape.join(',')}]`;
}

function listed(tensors: Readonly<Record<string, TensorSignature>>): string {
  return Object.keys(tensors)
    .map((name) => `'${name}'`)
    .join(', ');
}

function invalid(model: string, name: string, what: string): ConchError {
  return new ConchError('REQUEST_INVALID', `model '${model}': '${name}' ${what}`, { where: { path: name } });
}
