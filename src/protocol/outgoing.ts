import type { Tensor } from '../tensor/index.ts';
import type { SharedMemoryPart } from './http/message.ts';
import type { InferenceRequest, InferenceResponse, RequestedOutput } from './inference.ts';

/** A tensor that lies in a registered shared memory region instead of the message. */
export interface SharedTensor extends Omit<Tensor, 'data'> {
  readonly sharedMemory: SharedMemoryPart;
}

export interface OutgoingOutput extends RequestedOutput {
  /** Where the server shall write the output; it then does not travel in the answer. */
  readonly sharedMemory?: SharedMemoryPart | undefined;
}

/** An inference request as a client may send it: tensors in the message or in shared memory. */
export interface OutgoingRequest extends Omit<InferenceRequest, 'inputs' | 'outputs'> {
  readonly inputs: readonly (Tensor | SharedTensor)[];
  readonly outputs?: readonly OutgoingOutput[] | undefined;
}

/** A server's answer as a client sees it. */
export interface IncomingResponse extends InferenceResponse {
  /** Outputs that the server wrote to shared memory, as the request asked. */
  readonly sharedOutputs?: readonly SharedTensor[];
}

/** Where a request wants its outputs, by name; undefined where all of them travel in the answer. */
export function placesOf(request: OutgoingRequest): ReadonlyMap<string, SharedMemoryPart> | undefined {
  const placed = request.outputs?.filter(({ sharedMemory }) => sharedMemory !== undefined) ?? [];
  return placed.length === 0 ? undefined : new Map(placed.map(({ name, sharedMemory }) => [name, sharedMemory!]));
}

export function isShared(tensor: Tensor | SharedTensor): tensor is SharedTensor {
  return 'sharedMemory' in tensor;
}

/** The parameters that say where a tensor lies; both protocols have the same names. */
export function sharedParameters({ region, offset, byteSize }: SharedMemoryPart): Record<string, string | number> {
  return {
    shared_memory_region: region,
    ...(offset > 0 && { shared_memory_offset: offset }),
    shared_memory_byte_size: byteSize,
  };
}
