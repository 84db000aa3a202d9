export type { EncodedBody, HttpInferenceRequest, OutputEncodings, TensorEncoding } from './http/message.ts';
export { decodeInferRequest, encodeInferRequest, type InferTarget } from './http/request.ts';
export { decodeInferResponse, encodeInferResponse } from './http/response.ts';
export type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelState,
  ParameterValue,
  RequestedOutput,
  SequencePosition,
  ServerMetadata,
  TensorMetadata,
} from './inference.ts';
export type {
  InferBatchStatistics,
  InferResponseStatistics,
  InferStatistics,
  MemoryUsage,
  ModelStatistics,
  StatisticDuration,
} from './statistics.ts';
export { grpcStatus, httpStatus, statusFromGrpc, statusFromHttp, statusTable } from './status.ts';
