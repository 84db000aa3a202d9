export type {
  Backend,
  BackendFacts,
  BackendInstance,
  Batch,
  BatchRequest,
  BatchResult,
  LoadedModel,
  ModelSource,
} from './backend.ts';
export type { Clock } from './clock.ts';
export { Engine, type EngineOptions } from './engine.ts';
export type { FailureReason, ModelCounters } from './statistics.ts';
