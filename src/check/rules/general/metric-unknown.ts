import type { ModelRule } from '../../rule.ts';

const family = 'nv_inference_first_response_histogram_ms';

export const metricUnknown: ModelRule = {
  code: 'general/metric-unknown',
  severity: 'warning',
  summary: 'A metric control names the one family that can be controlled, with ascending buckets.',
  why: `Only \`${family}\` has buckets that a model may set; Triton logs a warning for any other family and ignores it. Buckets are upper bounds and have to ascend.`,
  fix: `Set \`family\` to \`${family}\` and sort the buckets, or remove the control.`,
  *check(model) {
    for (const [index, control] of (model.written.model_metrics?.metric_control ?? []).entries()) {
      const path = `model_metrics.metric_control[${index}]`;
      const given = control.metric_identifier?.family;
      if (given && given !== family) {
        yield {
          path: `${path}.metric_identifier.family`,
          message: `metric family '${given}' cannot be controlled, only '${family}' can`,
        };
      }
      const buckets = control.histogram_options?.buckets ?? [];
      const drop = buckets.findIndex((bound, at) => at > 0 && !(bound > buckets[at - 1]!));
      if (drop > 0) {
        const bounds = `${buckets[drop]} after ${buckets[drop - 1]}`;
        yield {
          path: `${path}.histogram_options.buckets[${drop}]`,
          message: `histogram buckets must ascend, but it is ${bounds}`,
        };
      }
    }
  },
};
