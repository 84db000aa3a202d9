export type {
  Backend,
  BackendEvent,
  BackendFacts,
  BackendInstance,
  BackendResponse,
  Batch,
  BatchRequest,
  BatchResult,
  EngineAccess,
  LoadedModel,
  ModelSource,
  RequestContext,
} from './backend.ts';
export type { Clock } from './clock.ts';
export { Engine, type EngineOptions } from './engine.ts';
export type { ResourceLimit } from './rate-limiter.ts';
export type { FailureReason, ModelCounters } from './statistics.ts';
