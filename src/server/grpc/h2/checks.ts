import { ConnectionError, errorCodes, flags } from './frames.ts';
import type { Headers } from './hpack.ts';

/** Frames of these types have one size only. */
export function size(length: number, expected: number): true {
  if (length !== expected) throw new ConnectionError(errorCodes.frameSize, `a frame of ${length} bytes`);
  return true;
}

/** Frames of the connection itself stand on stream 0. */
export function onConnection(id: number): void {
  if (id !== 0) throw new ConnectionError(errorCodes.protocol, `a frame of the connection on stream ${id}`);
}

/** The part of a frame between its padding. */
export function unpadded(flag: number, bytes: Uint8Array, start: number, end: number): [start: number, end: number] {
  if (!(flag & flags.padded)) return [start, end];
  const from = start + 1;
  const to = end - (start < end ? bytes[start]! : 0);
  if (from > to) throw new ConnectionError(errorCodes.protocol, 'the padding is longer than the frame');
  return [from, to];
}

/** The HTTP status that refuses what is not gRPC; 0: it is. */
export function refusal(headers: Headers): number {
  if (headers.get(':method') !== 'POST') return 405;
  if (!headers.has(':path')) return 400;
  return headers.get('content-type')?.startsWith('application/grpc') ? 0 : 415;
}
