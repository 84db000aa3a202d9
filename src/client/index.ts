export { decodeStrings, stringTensor } from '../tensor/index.ts';
export { BalancedClient } from './balance/client.ts';
export type { Clock } from './balance/clock.ts';
export type { RetryOptions } from './balance/retry.ts';
export type { BalancedServer, BalanceOptions } from './balance/servers.ts';
export { connect } from './connect.ts';
export type { InferenceClient } from './inference-client.ts';
export { SharedRegion, type SharedRegionOptions } from './node-shared-region.ts';
export type { ConnectOptions, TlsOptions } from './options.ts';
export type {
  GenerateBody,
  GenerateOptions,
  InferRequest,
  LoadOptions,
  LogSettings,
  SharedMemoryStatus,
  SystemSharedMemory,
  TraceSettings,
  TritonClient,
  UnloadOptions,
} from './triton-client.ts';
