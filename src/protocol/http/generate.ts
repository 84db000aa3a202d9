import { ConchError } from '../../base/index.ts';
import { type Datatype, isDatatype, type Tensor } from '../../tensor/index.ts';
import type { InferenceRequest, InferenceResponse, ParameterValue, TensorMetadata } from '../inference.ts';
import { readElement, readElements } from './json-elements.ts';
import { JsonReader } from './json-reader.ts';
import { elementsToJson, parameterToJson } from './json-writer.ts';
import type { InferTarget } from './request-decode.ts';
import { listedTwice, readCustomParameter } from './request-options.ts';

/**
 * Decodes the body of POST .../generate and .../generate_stream: an object whose members named like a model's input
 * become that tensor, given as one value or a flat array; `id` is the request's; `parameters` is an object treated the
 * same way; all other members become parameters. `inputs` is the model's metadata. Throws REQUEST_MALFORMED,
 * REQUEST_INVALID where values do not fill a tensor's shape, REQUEST_TOO_LARGE.
 */
export function decodeGenerateRequest(
  body: Uint8Array,
  target: InferTarget,
  inputs: readonly TensorMetadata[],
  maxInputBytes: number,
): InferenceRequest {
  if (body.length > maxInputBytes) {
    throw new ConchError(
      'REQUEST_TOO_LARGE',
      `the request's JSON has ${body.length} bytes, the limit is ${maxInputBytes}`,
    );
  }
  const reader = new JsonReader(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  const byName = new Map(inputs.map((input) => [input.name, input]));
  const tensors = new Map<string, Tensor>();
  let id: string | undefined;
  let parameters: Record<string, ParameterValue> | undefined;

  const readMember = (key: string) => {
    const input = byName.get(key);
    if (input) {
      if (tensors.has(key)) throw listedTwice('input', key);
      tensors.set(key, readTensor(reader, input, maxInputBytes));
    } else {
      parameters ??= Object.create(null) as Record<string, ParameterValue>;
      parameters[key] = readCustomParameter(reader, key);
    }
  };
  reader.open('object', 'the request');
  for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
    if (key === 'id') id = reader.readString("'id'");
    else if (key === 'parameters') {
      if (byName.has(key)) {
        throw new ConchError('REQUEST_INVALID', "an input is named 'parameters', which generate requests cannot fill");
      }
      reader.open('object', "'parameters'");
      for (let inner = reader.nextKey(true); inner !== undefined; inner = reader.nextKey(false)) readMember(inner);
    } else readMember(key);
  }
  reader.expectEnd();
  return { ...target, id, inputs: [...tensors.values()], parameters };
}

/** A tensor from one value or a flat array; its shape is what the values fill of the one in the metadata. */
export function readTensor(reader: JsonReader, { name, datatype, shape }: TensorMetadata, maxBytes: number): Tensor {
  if (!isDatatype(datatype))
    throw new ConchError('REQUEST_INVALID', `tensor '${name}': unknown datatype '${datatype}'`);
  const start = reader.peek() === 0x5b ? reader.position : -1;
  if (start === -1) {
    const filled = fillShape(name, shape, 1);
    return { name, datatype, shape: filled, data: readElement(reader, name, datatype, maxBytes) };
  }
  const count = countElements(reader);
  const filled = fillShape(name, shape, count);
  reader.position = start;
  return {
    name,
    datatype: datatype as Datatype,
    shape: filled,
    data: readElements(reader, name, datatype, filled, maxBytes),
  };
}

function countElements(reader: JsonReader): number {
  let count = 0;
  reader.open('array', 'a tensor');
  for (let first = true; reader.nextElement(first); first = false) {
    reader.skipValue();
    count++;
  }
  return count;
}

/** Fixed dimensions divide the elements; the innermost variable one takes the rest, the others become 1. */
export function fillShape(name: string, shape: readonly number[], count: number): number[] {
  let rest = count;
  for (const dim of shape) if (dim >= 0) rest /= dim;
  let variable = rest;
  const filled = [...shape];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! >= 0) continue;
    filled[axis] = variable;
    variable = 1;
  }
  if (count === 0 || !Number.isInteger(rest) || variable !== 1) {
    throw new ConchError('REQUEST_INVALID', `tensor '${name}': ${count} values do not fill shape [${shape}]`, {
      where: { path: name },
    });
  }
  return filled;
}

/**
 * The answer to a generate request as JSON: the model's name and version, the id, parameters and outputs side by side,
 * in the order of their names. An output of one element is that element, any other a flat array.
 */
export function encodeGenerateResponse(response: InferenceResponse): string {
  const members = new Map<string, string>();
  const add = (name: string, json: string) => {
    if (!members.has(name)) members.set(name, json);
  };
  if (response.id) add('id', JSON.stringify(response.id));
  add('model_name', JSON.stringify(response.model));
  add('model_version', JSON.stringify(response.version));
  for (const [name, value] of Object.entries(response.parameters ?? {})) add(name, parameterToJson(value));
  for (const output of response.outputs) {
    const single = output.shape.every((dim) => dim === 1);
    const elements = output.data.length === 0 ? '' : elementsToJson(output);
    add(output.name, single ? elements : `[${elements}]`);
  }
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}
