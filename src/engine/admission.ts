import { ConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest, RequestedOutput } from '../protocol/index.ts';
import { bytesOf, datatypes, elementCount, type Tensor } from '../tensor/index.ts';
import type { AdmittedRequest } from './request.ts';
import {
  type DeclaredTensor,
  declaredInputs,
  declaredOutputs,
  fits,
  maxBatchSizeOf,
  reshapeTo,
  showShape,
} from './tensors.ts';

/**
 * The checks between a request and a model's queue, in Triton's order; what passes is known to fit the model. Every
 * failure is REQUEST_INVALID and names the model, the tensor, what was expected and what came.
 */
export class Admission {
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly maxBatchSize: number;
  readonly #model: string;
  readonly #inputsByName: ReadonlyMap<string, DeclaredTensor>;
  /** Of each name the first. */
  readonly #declared: readonly DeclaredTensor[];
  readonly #outputsByName: ReadonlyMap<string, DeclaredTensor>;
  readonly #required: readonly string[];
  readonly #allOutputs: readonly string[];
  /** Whether outputs are in the model of another shape than clients see. */
  readonly reshapes: boolean;
  /** Whether two requests can differ in a way that keeps them out of one batch. */
  readonly #uniform: boolean;

  constructor(model: string, config: ModelConfig) {
    this.#model = model;
    this.inputs = declaredInputs(config);
    this.outputs = declaredOutputs(config);
    this.maxBatchSize = maxBatchSizeOf(config);
    this.#inputsByName = firstByName(this.inputs);
    this.#declared = [...this.#inputsByName.values()];
    this.#outputsByName = firstByName(this.outputs);
    this.#required = this.inputs.filter((input) => !input.optional).map((input) => input.name);
    this.#allOutputs = [...this.#outputsByName.keys()];
    this.reshapes = this.outputs.some((output) => output.reshaped);
    this.#uniform = this.inputs.every((input) => !input.variable && !input.optional);
  }

  admit(request: InferenceRequest, atOnce = false): AdmittedRequest {
    const outputs = this.#checkOutputs(request);
    this.#checkNames(request);
    const batchSize = this.#checkBatch(request);
    const inputs: Tensor[] = [];
    let bytes = 0;
    let likeness = '';
    for (const declared of this.#declared) {
      const tensor = request.inputs[indexOfInput(request.inputs, declared.name)];
      if (!tensor) continue;
      const shape = this.#checkTensor(request, tensor, declared);
      inputs.push(shape === tensor.shape ? tensor : { ...tensor, shape });
      bytes += tensor.data.byteLength;
      if (!this.#uniform) likeness += `${declared.name}${declared.variable ? shape.slice(this.#leading) : ''};`;
    }
    return {
      inputs,
      outputs,
      context: request,
      batchSize,
      rows: Math.max(1, batchSize),
      likeness,
      bytes,
      priority: request.priority ?? 0,
      timeoutMicroseconds: request.timeoutMicroseconds ?? 0,
      signal: request.signal,
      atOnce,
    };
  }

  /** A model's output as clients see it: the variable values of what the model gave, in the shape of `dims`. */
  finish(output: Tensor): Tensor {
    const declared = this.#outputsByName.get(output.name);
    if (!declared?.reshaped) return output;
    const leading = output.shape.slice(0, this.#leading);
    const shape = [...leading, ...reshapeTo(output.shape.slice(this.#leading), declared.modelDims, declared.dims)];
    return { ...output, shape };
  }

  /** Dimensions before those of the config: 1 where the model batches. */
  get #leading(): number {
    return this.maxBatchSize > 0 ? 1 : 0;
  }

  #checkOutputs(request: InferenceRequest): readonly string[] {
    if (!request.outputs || request.outputs.length === 0) return this.#allOutputs;
    if (isAll(request.outputs, this.#allOutputs)) return this.#allOutputs;
    const names = request.outputs.map((output) => output.name);
    names.forEach((name, index) => {
      if (!this.#outputsByName.has(name)) {
        const known = this.#allOutputs.map((output) => `'${output}'`).join(', ');
        throw this.#invalid(
          name,
          `output '${name}' is not one of model '${this.#model}', which has ${known || 'none'}`,
        );
      }
      if (names.indexOf(name) !== index) {
        throw this.#invalid(name, `output '${name}' of model '${this.#model}' is asked for twice`);
      }
    });
    return names;
  }

  #checkNames(request: InferenceRequest): void {
    const { inputs } = request;
    const least = this.#required.length;
    const most = this.#declared.length;
    if (inputs.length < least || inputs.length > most) {
      const names = inputs.map((input) => input.name);
      const missing = this.#required.filter((name) => !names.includes(name));
      throw this.#invalid(
        undefined,
        `${tag(request)}model '${this.#model}' takes ${least === most ? least : `${least} to ${most}`} inputs, ` +
          `${inputs.length} came${names.length > 0 ? `: ${quote(names)}` : ''}` +
          `${missing.length > 0 ? `; missing: ${quote(missing)}` : ''}`,
      );
    }
    for (let index = 0; index < inputs.length; index++) {
      const { name } = inputs[index]!;
      if (!this.#inputsByName.has(name)) {
        const known = quote([...this.#inputsByName.keys()]);
        throw this.#invalid(name, `input '${name}' is not one of model '${this.#model}', which has ${known || 'none'}`);
      }
      if (indexOfInput(inputs, name) !== index) {
        throw this.#invalid(name, `input '${name}' of model '${this.#model}' is given twice`);
      }
    }
    // The count may fit although a required input is missing: an optional one took its place.
    if (inputs.length === most) return;
    const missing = this.#required.filter((name) => indexOfInput(inputs, name) < 0);
    if (missing.length > 0) {
      throw this.#invalid(missing[0], `${tag(request)}model '${this.#model}' needs ${quote(missing)} as well`);
    }
  }

  #checkBatch(request: InferenceRequest): number {
    if (this.maxBatchSize === 0) return 0;
    let size: number | undefined;
    for (const { name, shape } of request.inputs) {
      const [rows] = shape;
      if (rows === undefined) {
        throw this.#invalid(
          name,
          `${tag(request)}input '${name}' of model '${this.#model}' has no dimensions; the first must be the batch`,
        );
      }
      size ??= rows;
      if (rows !== size) {
        const first = request.inputs[0]!;
        throw this.#invalid(
          name,
          `${tag(request)}inputs of model '${this.#model}' differ in batch size: '${first.name}' is ${showShape(first.shape, true)}, '${name}' is ${showShape(shape, true)}`,
        );
      }
    }
    const rows = size ?? 1;
    if (!(Number.isSafeInteger(rows) && rows >= 1)) {
      throw this.#invalid(
        undefined,
        `${tag(request)}batch size of a request to model '${this.#model}' must be at least 1, it is ${rows}`,
      );
    }
    if (rows > this.maxBatchSize) {
      throw this.#invalid(
        undefined,
        `${tag(request)}batch size ${rows} exceeds max_batch_size ${this.maxBatchSize} of model '${this.#model}'`,
      );
    }
    return rows;
  }

  /** The tensor's shape as the model takes it. */
  #checkTensor(request: InferenceRequest, tensor: Tensor, declared: DeclaredTensor): readonly number[] {
    const { name, datatype, shape } = tensor;
    const batched = this.maxBatchSize > 0;
    if (datatype !== declared.datatype) {
      throw this.#invalid(
        name,
        `${tag(request)}input '${name}' of model '${this.#model}' must be ${declared.datatype}, it is ${datatypes[datatype] ? datatype : '<invalid>'}`,
      );
    }
    if (!shape.every(isDimension)) {
      throw this.#invalid(
        name,
        `${tag(request)}input '${name}' of model '${this.#model}': every dimension of a request must be from 0 to 2^53 - 1, the shape is ${showShape(shape, batched)}`,
      );
    }
    if (!fits(shape, declared.dims, this.#leading)) {
      const expected = showShape(batched ? [-1, ...declared.dims] : declared.dims, batched);
      throw this.#invalid(
        name,
        `${tag(request)}input '${name}' of model '${this.#model}' must have shape ${expected}, it has ${showShape(shape, batched)}` +
          (batched ? '; the first dimension is the batch, which the config implies' : ''),
      );
    }
    this.#checkSize(request, tensor);
    if (!declared.reshaped) return shape;
    const own = shape.slice(this.#leading);
    return [...shape.slice(0, this.#leading), ...reshapeTo(own, declared.dims, declared.modelDims)];
  }

  #checkSize(request: InferenceRequest, tensor: Tensor): void {
    const { name, datatype, shape, data } = tensor;
    const count = elementCount(shape);
    if (datatype === 'BYTES') {
      const reason = wrongText(bytesOf(tensor), count);
      if (reason) throw this.#invalid(name, `${tag(request)}input '${name}' of model '${this.#model}': ${reason}`);
      return;
    }
    const expected = count * datatypes[datatype].size;
    if (data.byteLength !== expected) {
      throw this.#invalid(
        name,
        `${tag(request)}input '${name}' of model '${this.#model}' has ${data.byteLength} bytes; ${datatype} of shape ${showShape(shape, this.maxBatchSize > 0)} takes ${expected}`,
      );
    }
  }

  #invalid(path: string | undefined, message: string): ConchError {
    return new ConchError('REQUEST_INVALID', message, path === undefined ? {} : { where: { path } });
  }
}

function indexOfInput(inputs: readonly Tensor[], name: string): number {
  for (let index = 0; index < inputs.length; index++) if (inputs[index]!.name === name) return index;
  return -1;
}

/** Whether all that there is is asked for, in the config's order. */
function isAll(outputs: readonly RequestedOutput[], all: readonly string[]): boolean {
  if (outputs.length !== all.length) return false;
  for (let index = 0; index < all.length; index++) if (outputs[index]!.name !== all[index]) return false;
  return true;
}

function isDimension(dim: number): boolean {
  return Number.isSafeInteger(dim) && dim >= 0;
}

/** What is wrong with the framing of a BYTES tensor of `count` elements. */
function wrongText(framed: Uint8Array, count: number): string | undefined {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength);
  let offset = 0;
  let found = 0;
  while (offset < framed.length) {
    if (found === count) return `its shape holds ${count} elements, more follow from byte ${offset} on`;
    if (offset + 4 > framed.length)
      return `element ${found} should start with a length of 4 bytes, ${framed.length - offset} are left`;
    const length = view.getUint32(offset, true);
    offset += 4 + length;
    if (offset > framed.length)
      return `element ${found} is ${length} bytes long, ${length - (offset - framed.length)} are left`;
    found += 1;
  }
  return found < count ? `its shape holds ${count} elements, ${found} came` : undefined;
}

/** Triton prefixes most admission errors with the request's id. */
function tag(request: InferenceRequest): string {
  return `[request id: ${request.id || '<none>'}] `;
}

function quote(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** Triton looks names up from the front, so of two declarations of one name the first counts. */
function firstByName(tensors: readonly DeclaredTensor[]): Map<string, DeclaredTensor> {
  const byName = new Map<string, DeclaredTensor>();
  for (const tensor of tensors) if (!byName.has(tensor.name)) byName.set(tensor.name, tensor);
  return byName;
}
