import type { ModelMetrics_MetricControl } from '../../../config/index.ts';
import type { ModelRule } from '../../rule.ts';

export const metricControl: ModelRule = {
  code: 'general/metric-control',
  severity: 'error',
  summary: 'Every `metric_control` names its metric family and gives histogram buckets.',
  why: 'Triton refuses a metric control without an identifier, with an empty family, without histogram options or without a bucket.',
  fix: 'Write `metric_identifier { family: "nv_inference_first_response_histogram_ms" }` and `histogram_options { buckets: [...] }`.',
  *check(model) {
    for (const [index, control] of (model.written.model_metrics?.metric_control ?? []).entries()) {
      const path = `model_metrics.metric_control[${index}]`;
      for (const [field, what] of faults(control)) {
        yield { path: `${path}.${field}`, message: `metric_control[${index}] ${what}` };
      }
    }
  },
};

function* faults({ metric_identifier, histogram_options }: ModelMetrics_MetricControl): Generator<[string, string]> {
  if (metric_identifier === undefined) yield ['metric_identifier', 'has no metric_identifier'];
  else if (!metric_identifier.family) yield ['metric_identifier.family', 'has an empty family'];
  if (histogram_options === undefined) yield ['histogram_options', 'has no histogram_options'];
  else if ((histogram_options.buckets ?? []).length === 0) yield ['histogram_options.buckets', 'has no buckets'];
}
