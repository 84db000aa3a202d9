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

/** The priority of a stream, which nobody heeds, but which cannot be in relation to itself (RFC 7540, 5.3.1). */
export function dependsOnAnother(id: number, bytes: Buffer, at: number): void {
  if ((bytes.readUInt32BE(at) & 0x7fffffff) !== id) return;
  throw new ConnectionError(errorCodes.protocol, `stream ${id} depends on itself`);
}

/** What belongs to a connection of HTTP/1.1. */
const ofConnection = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];
const ofRequests = [':method', ':scheme', ':authority', ':path'];

/** Why a request's headers are malformed (RFC 9113, 8.2.2 and 8.3.1); undefined: they are not. */
export function requestFlaw(headers: Headers): string | undefined {
  for (const name of headers.keys()) {
    if (!name.startsWith(':')) break;
    if (!ofRequests.includes(name)) return `'${name}' is of no request`;
  }
  const wanted = headers.get(':method') === 'CONNECT' ? [':authority'] : [':method', ':scheme', ':path'];
  const missing = wanted.find((name) => !headers.get(name));
  if (missing !== undefined) return `there is no '${missing}'`;
  const forbidden = ofConnection.find((name) => headers.has(name));
  if (forbidden !== undefined) return `'${forbidden}' is of HTTP/1.1`;
  const te = headers.get('te');
  return te === undefined || te === 'trailers' ? undefined : "'te' says more than 'trailers'";
}

/** Why trailers are malformed. */
export function trailersFlaw(headers: Headers): string | undefined {
  for (const name of headers.keys()) if (name.startsWith(':')) return `'${name}' is of no trailers`;
  return undefined;
}

/** The HTTP status that refuses what is not gRPC; 0: it is. */
export function refusal(headers: Headers): number {
  if (headers.get(':method') !== 'POST') return 405;
  return headers.get('content-type')?.startsWith('application/grpc') ? 0 : 415;
}
