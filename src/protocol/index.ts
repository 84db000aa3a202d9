export type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelState,
  ParameterValue,
  RequestedOutput,
  ServerMetadata,
  TensorMetadata,
} from './inference.ts';
