import { type ModelCounters, type SummaryName, summaryNames } from '../../engine/index.ts';
import type { Labels, MetricFamily } from './exposition.ts';

interface LabelledModel {
  readonly counters: ModelCounters;
  readonly labels: Labels;
}

const summaryHelp: Readonly<Record<SummaryName, string>> = {
  request: 'Time from arrival to answer of a request',
  queue: 'Time that a request waited in the queue',
  compute_input: 'Time spent preparing inputs',
  compute_infer: 'Time spent executing the model',
  compute_output: 'Time spent preparing outputs',
  cache_hit: 'Time spent on a cache hit',
  cache_miss: 'Time spent on a cache miss',
};

/** Histograms and summaries of the models that keep them. */
export function latencyFamilies(models: readonly LabelledModel[]): MetricFamily[] {
  return [firstResponses(models), ...summaryNames.map((name) => summary(name, models))].filter(
    ({ samples }) => samples.length > 0,
  );
}

function firstResponses(models: readonly LabelledModel[]): MetricFamily {
  return {
    name: 'nv_inference_first_response_histogram_ms',
    help: 'Time to the first response of a request, in milliseconds',
    type: 'histogram',
    samples: models.flatMap(({ counters, labels }) => {
      const histogram = counters.latencies?.firstResponse;
      if (!histogram) return [];
      const { count, sum, buckets } = histogram;
      return [
        [labels, count, '_count'] as const,
        [labels, sum, '_sum'] as const,
        ...buckets.map(([bound, below]) => [{ ...labels, le: String(bound) }, below, '_bucket'] as const),
        [{ ...labels, le: '+Inf' }, count, '_bucket'] as const,
      ];
    }),
  };
}

function summary(name: SummaryName, models: readonly LabelledModel[]): MetricFamily {
  return {
    name: name.startsWith('cache') ? `nv_${name}_summary_per_model` : `nv_inference_${name}_summary_us`,
    help: `${summaryHelp[name]}, in microseconds, over the last minute`,
    type: 'summary',
    samples: models.flatMap(({ counters, labels }) => {
      const found = counters.latencies?.summaries[name];
      if (!found) return [];
      const { count, sum, quantiles } = found;
      return [
        [labels, count, '_count'] as const,
        [labels, sum, '_sum'] as const,
        ...quantiles.map(([quantile, value]) => [{ ...labels, quantile: String(quantile) }, value] as const),
      ];
    }),
  };
}
