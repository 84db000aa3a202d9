export { Engine, type EngineOptions } from './engine.ts';
export type {
  BatchStatistics,
  FailureReason,
  InferStatistics,
  ModelCounters,
  ModelStatistics,
  StatisticDuration,
} from './statistics.ts';
