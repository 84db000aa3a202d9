import { ConchError } from '../../base/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { ParameterValue, TensorMetadata } from '../inference.ts';
import { type IncomingResponse, isShared, type OutgoingRequest } from '../outgoing.ts';
import { fillShape, readTensor } from './generate.ts';
import { JsonReader } from './json-reader.ts';
import { elementsToJson, parameterToJson } from './json-writer.ts';

/**
 * A request as the JSON of `generate` and `generate_stream`. These carry values without shapes: the server fills the
 * shape of its metadata (`inputs`). Throws REQUEST_INVALID for a tensor whose shape would not survive that, for FP16
 * and BF16, and for tensors in shared memory; NOT_SUPPORTED for a request of a sequence.
 */
export function encodeGenerateRequest(request: OutgoingRequest, inputs: readonly TensorMetadata[]): string {
  const { id, sequence, priority, timeoutMicroseconds, parameters = {} } = request;
  if (sequence) {
    throw new ConchError('NOT_SUPPORTED', "'generate' requests cannot belong to a sequence", {
      fix: 'use infer, or a grpc:// address',
    });
  }
  const members: string[] = [];
  const add = (name: string, json: string) => void members.push(`${JSON.stringify(name)}:${json}`);
  if (id) add('id', JSON.stringify(id));
  for (const input of request.inputs) {
    if (isShared(input)) {
      throw new ConchError('REQUEST_INVALID', `tensor '${input.name}': 'generate' takes none from shared memory`);
    }
    checkShape(input, inputs);
    const elements = input.data.length === 0 ? '' : elementsToJson(input);
    add(input.name, input.shape.every((dim) => dim === 1) ? elements : `[${elements}]`);
  }
  const all: Record<string, ParameterValue | undefined> = { ...parameters, priority, timeout: timeoutMicroseconds };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) add(name, parameterToJson(value));
  return `{${members.join(',')}}`;
}

function checkShape({ name, shape }: Tensor, inputs: readonly TensorMetadata[]): void {
  const declared = inputs.find((input) => input.name === name);
  if (!declared) {
    const known = inputs.map((input) => `'${input.name}'`).join(', ');
    throw new ConchError('REQUEST_INVALID', `the model has no input '${name}'; it has ${known}`, {
      where: { path: name },
    });
  }
  const count = shape.reduce((product, dim) => product * dim, 1);
  const filled = fillShape(name, declared.shape, count);
  if (filled.length === shape.length && filled.every((dim, axis) => dim === shape[axis])) return;
  throw new ConchError(
    'REQUEST_INVALID',
    `tensor '${name}': 'generate' carries no shapes; the server would take [${shape}] for [${filled}]`,
    { where: { path: name }, fix: 'use a grpc:// address' },
  );
}

/**
 * An answer of `generate`, or the data of one event of `generate_stream`: members named like the model's `outputs`
 * become tensors, all others parameters. Throws SERVER_ERROR for what is no such answer.
 */
export function decodeGenerateResponse(json: Uint8Array, outputs: readonly TensorMetadata[]): IncomingResponse {
  const bytes = new Uint8Array(json.buffer, json.byteOffset, json.byteLength);
  const reader: JsonReader = new JsonReader(bytes, bytes.length, 'response JSON', 'SERVER_ERROR');
  const byName = new Map(outputs.map((output) => [output.name, output]));
  const tensors: Tensor[] = [];
  const parameters = Object.create(null) as Record<string, ParameterValue>;
  const texts = { model_name: '', model_version: '', id: '' };
  reader.open('object', 'the response');
  for (let key = reader.nextKey(true); key !== undefined; key = reader.nextKey(false)) {
    const output = byName.get(key);
    if (output) tensors.push(readOutput(reader, output));
    else if (Object.hasOwn(texts, key)) texts[key as keyof typeof texts] = reader.readString(`'${key}'`);
    else {
      const value = reader.readValue();
      parameters[key] = value !== null && typeof value === 'object' ? JSON.stringify(value) : (value ?? '');
    }
  }
  reader.expectEnd();
  return {
    model: texts.model_name,
    version: texts.model_version,
    id: texts.id || undefined,
    outputs: tensors,
    ...(Object.keys(parameters).length > 0 && { parameters }),
  };
}

/** Values that the metadata's shape cannot hold, as of a classification, are a plain list. */
function readOutput(reader: JsonReader, output: TensorMetadata): Tensor {
  reader.peek();
  const start = reader.position;
  try {
    return readTensor(reader, output, Number.POSITIVE_INFINITY);
  } catch (error) {
    if (!(error instanceof ConchError) || error.code !== 'REQUEST_INVALID') throw error;
    reader.position = start;
    return readTensor(reader, { ...output, shape: [-1] }, Number.POSITIVE_INFINITY);
  }
}
