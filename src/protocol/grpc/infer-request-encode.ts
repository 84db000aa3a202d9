import { bytesOf } from '../../tensor/index.ts';
import type { ParameterValue } from '../inference.ts';
import { isShared, type OutgoingRequest, sharedParameters } from '../outgoing.ts';
import { writeParameters } from './parameters.ts';
import { WireWriter } from './wire-writer.ts';

/** Up to here a tensor is copied into the message; larger ones travel as parts of their own. */
export const copyBelow = 16 * 1024;

/**
 * A ModelInferRequest as parts that follow each other; every tensor goes into raw_input_contents, large ones without a
 * copy. `wireParameters` are for parameters beyond the request's own, e.g. `triton_enable_empty_final_response`.
 */
export function encodeModelInferRequest(
  request: OutgoingRequest,
  wireParameters?: Readonly<Record<string, ParameterValue>>,
): Uint8Array[] {
  const writer = new WireWriter();
  writer.text(1, request.model);
  if (request.version) writer.text(2, request.version);
  if (request.id) writer.text(3, request.id);
  writeParameters(writer, 4, allParameters(request, wireParameters));
  const raw: Uint8Array[] = [];
  for (const input of request.inputs) {
    const start = writer.open(5);
    writeTensorHead(writer, input.name, input.datatype, input.shape);
    if (isShared(input)) writeParameters(writer, 4, sharedParameters(input.sharedMemory));
    else raw.push(bytesOf(input));
    writer.close(start);
  }
  for (const { name, classification, sharedMemory } of request.outputs ?? []) {
    const start = writer.open(6);
    writer.text(1, name);
    if (sharedMemory) writeParameters(writer, 2, sharedParameters(sharedMemory));
    else if (classification) writeParameters(writer, 2, { classification });
    writer.close(start);
  }
  return withRaw(writer, raw, 7);
}

/** Name, datatype and shape, which inputs and outputs have in the same fields. */
export function writeTensorHead(
  writer: WireWriter,
  name: string,
  datatype: string,
  shape: readonly (number | bigint)[],
): void {
  writer.text(1, name);
  writer.text(2, datatype);
  if (shape.length === 0) return;
  const start = writer.open(3);
  for (const dim of shape) writer.varint(dim);
  writer.close(start);
}

/** What was written, with `tensors` behind it as entries of field `field`. */
export function withRaw(writer: WireWriter, tensors: readonly Uint8Array[], field: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let taken = 0;
  for (const bytes of tensors) {
    if (bytes.length <= copyBelow) {
      writer.data(field, bytes);
      continue;
    }
    writer.head(field, bytes.length);
    parts.push(writer.bytes.slice(taken), bytes);
    taken = writer.bytes.length;
  }
  if (parts.length === 0) return [writer.bytes];
  if (writer.bytes.length > taken) parts.push(writer.bytes.subarray(taken));
  return parts;
}

function allParameters(
  { sequence, priority, timeoutMicroseconds, parameters }: OutgoingRequest,
  more: Readonly<Record<string, ParameterValue>> | undefined,
): Record<string, ParameterValue> {
  return {
    ...(sequence && { sequence_id: sequence.id, sequence_start: sequence.start, sequence_end: sequence.end }),
    ...(priority && { priority }),
    ...(timeoutMicroseconds && { timeout: timeoutMicroseconds }),
    ...parameters,
    ...more,
  };
}
