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
export type { CustomMetricFamily, CustomMetricKind, CustomMetricValue } from './custom-metrics.ts';
export { Engine, type EngineOptions, type ModelControlMode } from './engine.ts';
export { type LatencyMetrics, type SummaryName, summaryNames } from './latencies.ts';
export type { BackendSettings } from './loader.ts';
export type { LoadOverrides } from './overrides.ts';
export type { ResourceLimit } from './rate-limiter.ts';
export type { FailureReason, ModelCounters } from './statistics.ts';
