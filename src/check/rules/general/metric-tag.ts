import type { ModelRule } from '../../rule.ts';

export const metricTag: ModelRule = {
  code: 'general/metric-tag',
  severity: 'error',
  summary: 'Keys of `metric_tags` can be the names of Prometheus labels.',
  why: 'Each tag becomes a label of the metrics of the model, named `_<key>`. Prometheus allows letters, digits and `_` in a label, and no second `_` at its beginning. Another key has been seen to crash the whole server when it loads the model. Values may hold anything.',
  fix: 'Write the key with letters, digits and `_`, not beginning with `_`.',
  *check(model) {
    for (const key of Object.keys(model.written.metric_tags ?? {})) {
      if (/^(?:[A-Za-z0-9]\w*)?$/.test(key)) continue;
      yield {
        path: `metric_tags[${JSON.stringify(key)}]`,
        message: `metric_tags has the key '${key}', and '_${key}' is no name of a Prometheus label; the server crashes on it`,
      };
    }
  },
};
