import type { ModelConfig } from '../../config/index.ts';
import type { LatencyMetrics, ModelCounters } from '../../engine/index.ts';
import type { StatisticDuration } from '../../protocol/index.ts';
import type { ServedEngine } from '../context.ts';
import type { Labels, MetricFamily, MetricType } from './exposition.ts';
import { latencyFamilies } from './latencies.ts';
import type { MachineUse } from './machine.ts';

interface ModelMetric {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  read(counters: ModelCounters): number;
  /** Shown only for models with a response cache. */
  readonly cached?: boolean;
  /** A total duration: `counter_latencies=false` drops it. */
  readonly latency?: boolean;
}

const microseconds = ({ ns }: StatisticDuration) => Math.floor(ns / 1000);

/** Requests add up where they are answered: those that succeeded and those that failed. */
const requestDuration = ({ statistics: { inference_stats: s } }: ModelCounters) =>
  Math.floor((s.success.ns + s.fail.ns) / 1000);

/** Triton's metrics of one model version, in its order. */
const modelMetrics: readonly ModelMetric[] = [
  {
    name: 'nv_inference_request_success',
    help: 'Inference requests that succeeded',
    type: 'counter',
    read: ({ statistics }) => statistics.inference_stats.success.count,
  },
  {
    name: 'nv_inference_count',
    help: 'Inferences performed; a request counts once for each row of its batch',
    type: 'counter',
    read: ({ statistics }) => statistics.inference_count,
  },
  {
    name: 'nv_inference_exec_count',
    help: 'Model executions; a batch counts once',
    type: 'counter',
    read: ({ statistics }) => statistics.execution_count,
  },
  {
    name: 'nv_inference_request_duration_us',
    latency: true,
    help: 'Time from arrival to answer of all requests, in microseconds',
    type: 'counter',
    read: requestDuration,
  },
  {
    name: 'nv_inference_queue_duration_us',
    latency: true,
    help: 'Time that requests waited in the queue, in microseconds',
    type: 'counter',
    read: ({ statistics }) => microseconds(statistics.inference_stats.queue),
  },
  {
    name: 'nv_inference_compute_input_duration_us',
    latency: true,
    help: 'Time spent preparing inputs, in microseconds',
    type: 'counter',
    read: ({ statistics }) => microseconds(statistics.inference_stats.compute_input),
  },
  {
    name: 'nv_inference_compute_infer_duration_us',
    latency: true,
    help: 'Time spent executing the model, in microseconds',
    type: 'counter',
    read: ({ statistics }) => microseconds(statistics.inference_stats.compute_infer),
  },
  {
    name: 'nv_inference_compute_output_duration_us',
    latency: true,
    help: 'Time spent preparing outputs, in microseconds',
    type: 'counter',
    read: ({ statistics }) => microseconds(statistics.inference_stats.compute_output),
  },
  {
    name: 'nv_inference_pending_request_count',
    help: 'Requests that wait for an instance',
    type: 'gauge',
    read: ({ pending }) => pending,
  },
  {
    name: 'nv_model_load_duration_secs',
    help: 'Time that the model took to load, in seconds',
    type: 'gauge',
    read: ({ loadSeconds }) => loadSeconds,
  },
  {
    name: 'nv_cache_num_hits_per_model',
    help: 'Requests answered from the response cache',
    type: 'counter',
    cached: true,
    read: ({ statistics }) => statistics.inference_stats.cache_hit.count,
  },
  {
    name: 'nv_cache_num_misses_per_model',
    help: 'Requests not found in the response cache',
    type: 'counter',
    cached: true,
    read: ({ statistics }) => statistics.inference_stats.cache_miss.count,
  },
  {
    name: 'nv_cache_hit_duration_per_model',
    latency: true,
    help: 'Time spent on cache hits, in microseconds',
    type: 'counter',
    cached: true,
    read: ({ statistics }) => microseconds(statistics.inference_stats.cache_hit),
  },
  {
    name: 'nv_cache_miss_duration_per_model',
    latency: true,
    help: 'Time spent on cache misses, in microseconds',
    type: 'counter',
    cached: true,
    read: ({ statistics }) => microseconds(statistics.inference_stats.cache_miss),
  },
];

/** The table of a model's own metrics as Markdown. */
export function modelMetricsMarkdown(): string {
  const rows = modelMetrics.map(
    ({ name, help, type, cached }) => `| \`${name}\` | ${type} | ${help}${cached ? ' (with a response cache)' : ''} |`,
  );
  return ['| metric | type | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** All that /metrics shows. Sources: Triton's docs/user_guide/metrics.md and core's metrics.cc. */
export function metricFamilies(
  engine: ServedEngine,
  machine: MachineUse | undefined,
  { counters: durations = true }: LatencyMetrics = {},
): MetricFamily[] {
  const models = engine.counters().map((counters) => {
    const config = configOf(engine, counters);
    return { counters, labels: labelsOf(counters, config), cached: counters.caching };
  });
  const families: MetricFamily[] = modelMetrics
    .filter(({ latency }) => durations || !latency)
    .map(({ name, help, type, read, cached }) => ({
      name,
      help,
      type,
      samples: models
        .filter((model) => !cached || model.cached)
        .map((model) => [model.labels, read(model.counters)] as const),
    }))
    .filter((family) => family.samples.length > 0);
  if (models.length > 0) {
    families.splice(1, 0, {
      name: 'nv_inference_request_failure',
      help: 'Inference requests that failed, by reason',
      type: 'counter',
      samples: models.flatMap(({ counters, labels }) =>
        Object.entries(counters.failures).map(([reason, count]) => [sorted({ ...labels, reason }), count] as const),
      ),
    });
  }
  families.push(
    // Pinned memory serves copies to a GPU; without one there is no pool.
    gauge('nv_pinned_memory_pool_total_bytes', 'Size of the pool of pinned memory, in bytes', 0),
    gauge('nv_pinned_memory_pool_used_bytes', 'Pinned memory in use, in bytes', 0),
    ...latencyFamilies(models),
  );
  if (!machine) return families;
  families.push(
    gauge('nv_cpu_utilization', "Share of the machine's processors in use, 0 to 1", machine.utilization),
    gauge('nv_cpu_memory_total_bytes', "The machine's memory, in bytes", machine.memoryTotal),
    gauge('nv_cpu_memory_used_bytes', "The machine's memory in use, in bytes", machine.memoryUsed),
  );
  return families;
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [[{}, value]] };
}

function labelsOf({ statistics: { name, version } }: ModelCounters, config: ModelConfig | undefined): Labels {
  const tags = Object.entries(config?.metric_tags ?? {}).map(([key, value]) => [`_${key}`, value]);
  return sorted({ model: name, version, ...Object.fromEntries(tags) });
}

/** Labels stand in the order of their names, as Triton's do. */
function sorted(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Undefined for a version that went away since the counters were read. */
function configOf(engine: ServedEngine, { statistics }: ModelCounters): ModelConfig | undefined {
  try {
    return engine.config(statistics.name, statistics.version);
  } catch {
    return undefined;
  }
}
