/** A count of events and the nanoseconds they took together. */
export interface StatisticDuration {
  count: number;
  ns: number;
}

/** Durations per request, as Triton's statistics extension names them. */
export interface InferStatistics {
  success: StatisticDuration;
  fail: StatisticDuration;
  queue: StatisticDuration;
  compute_input: StatisticDuration;
  compute_infer: StatisticDuration;
  compute_output: StatisticDuration;
  cache_hit: StatisticDuration;
  cache_miss: StatisticDuration;
}

/** Durations per executed batch of one size. */
export interface BatchStatistics {
  batch_size: number;
  compute_input: StatisticDuration;
  compute_infer: StatisticDuration;
  compute_output: StatisticDuration;
}

/** One row of `/v2/models/stats`; JSON-ready. */
export interface ModelStatistics {
  name: string;
  version: string;
  /** Milliseconds since the epoch of the last inference; 0 before the first. */
  last_inference: number;
  inference_count: number;
  execution_count: number;
  inference_stats: InferStatistics;
  response_stats: Record<string, never>;
  batch_stats: BatchStatistics[];
  memory_usage: { type: string; id: number; byte_size: number }[];
}

/** Why a scheduled request failed, as `nv_inference_request_failure` labels it. */
export type FailureReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

/** What Prometheus wants of a ready version beyond its statistics. */
export interface ModelCounters {
  statistics: ModelStatistics;
  failures: Record<FailureReason, number>;
  /** Requests waiting for an instance (`nv_inference_pending_request_count`). */
  pending: number;
  /** Seconds from the start of loading to ready (`nv_model_load_duration_secs`). */
  loadSeconds: number;
}
