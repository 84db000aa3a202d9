export { type ClassificationOptions, classify } from './classification.ts';
export { type Frame, FrameReader, frameHead, frameOf } from './grpc/frames.ts';
export { decodeGrpcMessage, encodeGrpcMessage, formatGrpcTimeout, parseGrpcTimeout } from './grpc/headers.ts';
export { type GrpcDecodeOptions, type GrpcInferenceRequest, toInferenceRequest } from './grpc/infer-request-decode.ts';
export { encodeModelInferRequest } from './grpc/infer-request-encode.ts';
export { readModelInferRequest, type WireRequest } from './grpc/infer-request-read.ts';
export {
  decodeModelInferResponse,
  decodeStreamResponse,
  encodeModelInferResponse,
  encodeStreamError,
  encodeStreamResponse,
  type StreamResponse,
} from './grpc/infer-response.ts';
export type { MessageCodec, MessageValue } from './grpc/message-codec.ts';
export { type GrpcMethod, grpcMethods, type InferenceMethods } from './grpc/messages.ts';
export { answerReflection } from './grpc/reflection.ts';
export {
  acceptedCodings,
  type ContentCoding,
  chooseCoding,
  compress,
  decompress,
  parseContentEncoding,
} from './http/compression.ts';
export { decodeGenerateRequest, encodeGenerateResponse } from './http/generate.ts';
export { decodeGenerateResponse, encodeGenerateRequest } from './http/generate-client.ts';
export { JsonReader, type JsonValue } from './http/json-reader.ts';
export {
  type EncodedBody,
  type HttpInferenceRequest,
  inferenceHeaderLength,
  joinBody,
  type OutputEncodings,
  type SharedMemoryPart,
  type TensorEncoding,
} from './http/message.ts';
export type { RawSignature } from './http/raw-request.ts';
export {
  type DecodeOptions,
  decodeInferRequest,
  defaultMaxInputBytes,
  type InferTarget,
  parseHeaderLength,
} from './http/request-decode.ts';
export { type EncodeOptions, encodeInferRequest } from './http/request-encode.ts';
export { decodeInferResponse } from './http/response-decode.ts';
export { encodeInferResponse } from './http/response-encode.ts';
export type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelState,
  ParameterValue,
  RequestedOutput,
  RequestTrace,
  ResponseEvent,
  SequencePosition,
  ServerMetadata,
  TensorMetadata,
} from './inference.ts';
export {
  type IncomingResponse,
  type OutgoingOutput,
  type OutgoingRequest,
  placesOf,
  type SharedTensor,
} from './outgoing.ts';
export { diffAgainst, type ReleaseDiff, type ReleaseSync, type SchemaDiff, syncAgainst } from './schema/against.ts';
export type { Difference, DifferenceKind } from './schema/diff.ts';
export type * as grpc from './schema/generated.ts';
export type { SchemaName } from './schema/schemas.ts';
export type {
  InferBatchStatistics,
  InferResponseStatistics,
  InferStatistics,
  MemoryUsage,
  ModelStatistics,
  StatisticDuration,
} from './statistics.ts';
export { grpcStatus, httpStatus, statusFromGrpc, statusFromHttp, statusTable } from './status.ts';
