import { ConchError, type TritonStatus } from '../../../base/index.ts';
import type { InferenceRequest, InferenceResponse, ParameterValue, SequencePosition } from '../../../protocol/index.ts';
import type { Tensor } from '../../../tensor/index.ts';
import type { BackendResponse, BatchRequest, RequestContext } from '../../backend.ts';
import type { Resolve } from './channel.ts';
import type {
  WireCall,
  WireCorrelation,
  WireError,
  WireParameters,
  WireRequest,
  WireResponse,
  WireTensor,
  WireValue,
} from './messages.ts';

const sequenceStart = 1;
const sequenceEnd = 2;

export function requestToWire(
  { inputs, outputs, context }: BatchRequest,
  add: (tensor: Tensor) => WireTensor,
): WireRequest {
  const { id = '', sequence, timeoutMicroseconds = 0, parameters = {}, signal } = context;
  return {
    id,
    correlation: correlationToWire(sequence),
    flags: (sequence?.start ? sequenceStart : 0) | (sequence?.end ? sequenceEnd : 0),
    timeout: timeoutMicroseconds,
    parameters: parametersToWire(parameters),
    outputs,
    inputs: inputs.map(add),
    cancelled: signal?.aborted ?? false,
  };
}

/** What a model asks of another, as a request to the engine. */
export function callToRequest(call: WireCall, resolve: Resolve, signal: AbortSignal): InferenceRequest {
  const { model, version, id, inputs, outputs, parameters, timeout, flags, correlation } = call;
  return {
    model,
    ...(version > 0 && { version: String(version) }),
    id,
    inputs: inputs.map(resolve),
    outputs: outputs.map((name) => ({ name })),
    parameters: parametersFromWire(parameters),
    ...sequenceOf(correlation, flags),
    timeoutMicroseconds: timeout,
    signal,
  };
}

function sequenceOf(correlation: WireCorrelation, flags: number): Pick<RequestContext, 'sequence'> {
  const id = typeof correlation === 'string' ? correlation : narrow(correlation[0]);
  if ((id === '' || id === 0) && flags === 0) return {};
  const sequence: SequencePosition = { id, start: (flags & sequenceStart) !== 0, end: (flags & sequenceEnd) !== 0 };
  return { sequence };
}

function correlationToWire(sequence: SequencePosition | undefined): WireCorrelation {
  const id = sequence?.id ?? 0;
  return typeof id === 'string' ? id : [String(id)];
}

export function responseToWire(response: InferenceResponse, add: (tensor: Tensor) => WireTensor): WireResponse {
  return { outputs: response.outputs.map(add), parameters: parametersToWire(response.parameters ?? {}) };
}

export function errorToWire(error: ConchError): WireResponse {
  return { error: { message: error.message, code: error.status } };
}

/** An empty response is one without outputs, not undefined. */
export function responseFromWire(wire: WireResponse, resolve: Resolve): BackendResponse | ConchError {
  if (wire.error) return errorFromWire(wire.error);
  const parameters = parametersFromWire(wire.parameters ?? {});
  return {
    outputs: (wire.outputs ?? []).map(resolve),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  };
}

function errorFromWire({ message, code }: WireError): ConchError {
  const status: TritonStatus = code;
  return new ConchError(code === 'CANCELLED' ? 'REQUEST_CANCELLED' : 'EXECUTION_FAILED', message, { status });
}

export function parametersToWire(parameters: Readonly<Record<string, ParameterValue>>): WireParameters {
  const entries = Object.entries(parameters).map(([key, value]): [string, WireValue] => [key, valueToWire(value)]);
  return Object.fromEntries(entries);
}

function valueToWire(value: ParameterValue): WireValue {
  if (typeof value === 'boolean') return ['b', value];
  if (typeof value === 'string') return ['s', value];
  return typeof value === 'bigint' || Number.isInteger(value) ? ['i', String(value)] : ['d', value];
}

export function parametersFromWire(wire: WireParameters): Record<string, ParameterValue> {
  const entries = Object.entries(wire).map(([key, [kind, value]]): [string, ParameterValue] => [
    key,
    kind === 'i' ? narrow(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** A number where that is exact. */
function narrow(integer: string): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : BigInt(integer);
}
