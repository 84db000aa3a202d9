import { grpcSenders } from './grpc-traffic.ts';
import { httpSenders } from './http-traffic.ts';
import { sequenceSenders } from './sequence-traffic.ts';
import { sharedMemorySenders } from './shared-memory-traffic.ts';
import type { Sender } from './target.ts';

/** How often each kind of request is sent, in proportion. */
export const senders: Readonly<Record<string, { readonly send: Sender; readonly share: number }>> = {
  add: { send: httpSenders.add, share: 6 },
  row_sum: { send: httpSenders.row_sum, share: 4 },
  flow: { send: httpSenders.flow, share: 3 },
  negate: { send: httpSenders.negate, share: 3 },
  'generate stream': { send: httpSenders.repeat, share: 2 },
  'gRPC add': { send: grpcSenders.unary, share: 6 },
  'gRPC stream': { send: grpcSenders.stream, share: 3 },
  'gRPC cancel': { send: grpcSenders.cancel, share: 1 },
  'direct sequence': { send: sequenceSenders.direct, share: 2 },
  'oldest sequence': { send: sequenceSenders.oldest, share: 2 },
  'shared memory': { send: sharedMemorySenders['shared memory'], share: 3 },
  'hang up': { send: httpSenders['hang up'], share: 1 },
  wrong: { send: httpSenders.wrong, share: 1 },
};
