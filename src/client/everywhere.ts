// What the client is on every platform; what only Node has is in index.ts.
export { ConchError, type ErrorCode, type TritonStatus } from '../base/index.ts';
export type { ModelConfig } from '../config/index.ts';
export type {
  IncomingResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelStatistics,
  OutgoingOutput,
  ParameterValue,
  SequencePosition,
  ServerMetadata,
  SharedMemoryPart,
  SharedTensor,
  TensorMetadata,
} from '../protocol/index.ts';
export {
  type Datatype,
  decodeBytes,
  decodeStrings,
  encodeBytes,
  stringTensor,
  type Tensor,
  type TensorData,
  tensorOf,
  valuesOf,
} from '../tensor/index.ts';
export { BalancedClient } from './balance/client.ts';
export type { Clock } from './balance/clock.ts';
export type { RetryOptions } from './balance/retry.ts';
export type { BalancedServer, BalanceOptions } from './balance/servers.ts';
export type { InferenceClient } from './inference-client.ts';
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
export { defineModel, type TypedCallOptions, type TypedModel } from './typed/model.ts';
export type {
  ElementOf,
  InputOf,
  InputsOf,
  ModelSignature,
  OutputsOf,
  ShapeOf,
  TensorSignature,
  TypedArrays,
  TypedTensor,
  ValuesOf,
} from './typed/signature.ts';
