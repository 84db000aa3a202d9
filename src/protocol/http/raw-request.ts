import { ConchError } from '../../base/index.ts';
import { type Datatype, datatypes, elementCount, encodeBytes, type TensorData, viewBytes } from '../../tensor/index.ts';
import type { HttpInferenceRequest } from './message.ts';

/** What a request without JSON is measured against: the model's inputs as its configuration lists them. */
export interface RawSignature {
  /** Whether the model has a batch dimension that `dims` leaves out. */
  readonly batching: boolean;
  readonly inputs: readonly { readonly name: string; readonly datatype: Datatype; readonly dims: readonly number[] }[];
}

/**
 * A body that is nothing but the bytes of the model's only input. Its shape comes from the configuration: one variable
 * dimension takes what the others leave, the batch is 1. All outputs go back as binary data.
 */
export function decodeRawRequest(
  body: Uint8Array,
  target: { readonly model: string; readonly version?: string | undefined; readonly signal?: AbortSignal | undefined },
  maxInputBytes: number,
  signature: (() => RawSignature) | undefined,
): HttpInferenceRequest {
  const { model, version, signal } = target;
  if (body.length > maxInputBytes) {
    throw new ConchError('REQUEST_TOO_LARGE', `the raw input has ${body.length} bytes, the limit is ${maxInputBytes}`, {
      fix: 'raise --http-max-input-size',
    });
  }
  if (!signature) throw new ConchError('NOT_SUPPORTED', 'requests without JSON are not supported here');
  const { batching, inputs } = signature();
  const [input] = inputs;
  if (inputs.length !== 1 || !input) {
    throw new ConchError(
      'REQUEST_INVALID',
      `model '${model}' has ${inputs.length} inputs; a raw request needs a model with one`,
    );
  }
  const { name, datatype, dims } = input;
  const shape = rawShape(name, datatype, dims, body.length);
  const whole = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  const data: TensorData = datatype === 'BYTES' ? encodeBytes([whole]) : viewBytes(datatype, whole);
  return {
    model,
    version,
    signal,
    inputs: [{ name, datatype, shape: batching ? [1, ...shape] : shape, data }],
    outputEncodings: 'binary',
  };
}

function rawShape(name: string, datatype: Datatype, dims: readonly number[], byteLength: number): number[] {
  const variable = dims.filter((dim) => dim < 0).length;
  const fixed = elementCount(dims.filter((dim) => dim >= 0));
  if (variable > 1) {
    throw new ConchError(
      'REQUEST_INVALID',
      `input '${name}': dims [${dims}] have ${variable} variable dimensions; a raw request can fill only one`,
    );
  }
  if (datatype === 'BYTES') {
    if (fixed !== 1) {
      throw new ConchError(
        'REQUEST_INVALID',
        `input '${name}': a raw request carries one BYTES element, dims [${dims}] need more`,
      );
    }
    return dims.map(() => 1);
  }
  const rowBytes = fixed * datatypes[datatype].size;
  const fill = variable === 1 && rowBytes > 0 ? byteLength / rowBytes : 1;
  if (!Number.isInteger(fill) || fill * rowBytes !== byteLength) {
    throw new ConchError(
      'REQUEST_INVALID',
      `input '${name}': ${byteLength} bytes do not fill dims [${dims}] of ${datatype}, a row has ${rowBytes}`,
    );
  }
  return dims.map((dim) => (dim < 0 ? fill : dim));
}
