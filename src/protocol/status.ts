import type { TritonStatus } from '../base/index.ts';

interface Mapping {
  readonly http: number;
  /** Number of the gRPC status code. */
  readonly grpc: number;
}

/**
 * Triton's error codes on the wire. This is the only place that knows: front ends and clients come here both ways.
 * Source: Triton's http_server.cc and grpc_utils.cc.
 */
export const statusTable: { readonly [status in TritonStatus]: Mapping } = {
  UNKNOWN: { http: 400, grpc: 2 },
  INTERNAL: { http: 500, grpc: 13 },
  NOT_FOUND: { http: 404, grpc: 5 },
  INVALID_ARG: { http: 400, grpc: 3 },
  UNAVAILABLE: { http: 503, grpc: 14 },
  UNSUPPORTED: { http: 501, grpc: 12 },
  ALREADY_EXISTS: { http: 400, grpc: 6 },
  CANCELLED: { http: 400, grpc: 1 },
};

/** The HTTP status code that a Triton error travels with. */
export function httpStatus(status: TritonStatus): number {
  return statusTable[status].http;
}

/** The number of the gRPC status code that a Triton error travels with. */
export function grpcStatus(status: TritonStatus): number {
  return statusTable[status].grpc;
}

/**
 * What an HTTP status from a server, or from a proxy before it, says. 400 stands for four codes; by far the most
 * frequent, INVALID_ARG, is taken.
 */
export function statusFromHttp(code: number): TritonStatus {
  switch (code) {
    case 404:
      return 'NOT_FOUND';
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return 'UNAVAILABLE';
    case 405:
    case 501:
      return 'UNSUPPORTED';
    case 499:
      return 'CANCELLED';
    default:
      return code >= 500 ? 'INTERNAL' : code >= 400 ? 'INVALID_ARG' : 'UNKNOWN';
  }
}

const byGrpc = new Map(Object.entries(statusTable).map(([status, { grpc }]) => [grpc, status as TritonStatus]));
/** gRPC codes that Triton never sends but proxies and libraries do: deadline, permission, exhaustion, authentication. */
const foreignGrpc = new Map<number, TritonStatus>([
  [4, 'UNAVAILABLE'],
  [7, 'INVALID_ARG'],
  [8, 'UNAVAILABLE'],
  [9, 'INVALID_ARG'],
  [10, 'UNAVAILABLE'],
  [11, 'INVALID_ARG'],
  [15, 'INTERNAL'],
  [16, 'INVALID_ARG'],
]);

/** What the number of a gRPC status code from a server says. */
export function statusFromGrpc(code: number): TritonStatus {
  return byGrpc.get(code) ?? foreignGrpc.get(code) ?? 'UNKNOWN';
}
