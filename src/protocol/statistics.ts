/** How often something happened and how long it took in total. */
export interface StatisticDuration {
  readonly count: number;
  /** Nanoseconds. */
  readonly ns: number;
}

/** Where the time of requests went. `queue.count` equals `success.count`; compute counts leave cache hits out. */
export interface InferStatistics {
  readonly success: StatisticDuration;
  readonly fail: StatisticDuration;
  readonly queue: StatisticDuration;
  readonly compute_input: StatisticDuration;
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
  readonly cache_hit: StatisticDuration;
  readonly cache_miss: StatisticDuration;
}

export interface InferResponseStatistics {
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
  readonly success: StatisticDuration;
  readonly fail: StatisticDuration;
  readonly empty_response: StatisticDuration;
  readonly cancel: StatisticDuration;
}

export interface InferBatchStatistics {
  readonly batch_size: number;
  readonly compute_input: StatisticDuration;
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
}

export interface MemoryUsage {
  readonly type: string;
  readonly id: number;
  readonly byte_size: number;
}

/** Statistics of one model version, in the shape of Triton's statistics extension. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since the epoch; 0 before the first request. */
  readonly last_inference: number;
  /** Inferences done: each request adds its batch size. Cache hits do not count. */
  readonly inference_count: number;
  /** Executions done: each executed batch adds one. */
  readonly execution_count: number;
  readonly inference_stats: InferStatistics;
  /** Of decoupled models, by the response's index. */
  readonly response_stats?: Readonly<Record<string, InferResponseStatistics>>;
  readonly batch_stats: readonly InferBatchStatistics[];
  readonly memory_usage: readonly MemoryUsage[];
}
