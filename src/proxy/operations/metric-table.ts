export interface ProxyMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Every metric of the proxy. `docs/reference/proxy-metrics.md` is generated from this table. `model` is empty where a
 * request names no model that is known, so that nobody can make up values of a label.
 */
export const proxyMetrics = {
  conch_proxy_requests_total: {
    type: 'counter',
    help: 'Requests answered, by route, model and HTTP status',
    labels: ['route', 'model', 'status'],
  },
  conch_proxy_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the arrival of a request to the end of its answer',
    labels: ['route', 'model', 'status'],
  },
  conch_proxy_queue_duration_seconds: {
    type: 'histogram',
    help: 'Time that the texts of a request waited in the proxy for their encoder',
    labels: ['model'],
  },
  conch_proxy_tokenize_duration_seconds: {
    type: 'histogram',
    help: 'Time spent turning the texts of a request into tokens in the proxy',
    labels: ['model'],
  },
  conch_proxy_infer_duration_seconds: {
    type: 'histogram',
    help: 'Time that the server took for the inferences of a request',
    labels: ['model', 'version'],
  },
  conch_proxy_items_total: {
    type: 'counter',
    help: 'Items (texts, rows) answered',
    labels: ['model'],
  },
  conch_proxy_key_requests_total: {
    type: 'counter',
    help: 'Requests answered, by the name of their API key and HTTP status',
    labels: ['key', 'status'],
  },
  conch_proxy_requests_in_flight: {
    type: 'gauge',
    help: 'Requests that have arrived and are not answered yet',
    labels: [],
  },
  conch_proxy_requests_queued: {
    type: 'gauge',
    help: 'Texts that wait in the proxy for their encoder',
    labels: [],
  },
  conch_proxy_server_up: {
    type: 'gauge',
    help: '1 while the server takes its share of the requests',
    labels: ['server'],
  },
  conch_proxy_server_in_flight: {
    type: 'gauge',
    help: 'Inferences that the server has not answered yet',
    labels: ['server'],
  },
  conch_proxy_server_inferences_total: {
    type: 'counter',
    help: 'Inferences sent to the server, by outcome: succeeded, or failed through its fault',
    labels: ['server', 'outcome'],
  },
  conch_proxy_server_ejections_total: {
    type: 'counter',
    help: 'How often the server was left out because it failed',
    labels: ['server'],
  },
  conch_proxy_retries_total: {
    type: 'counter',
    help: 'Inferences that were sent to another server after one had failed',
    labels: [],
  },
  conch_proxy_shadow_inferences_total: {
    type: 'counter',
    help: 'Copies for the shadow: compared, of those mismatched, failed there, skipped since too many were under way',
    labels: ['model', 'outcome'],
  },
  conch_proxy_shadow_label_disagreements_total: {
    type: 'counter',
    help: 'Rows whose largest score was another one on the shadow',
    labels: ['model'],
  },
  conch_proxy_shadow_max_abs_difference: {
    type: 'gauge',
    help: "Largest difference between a number of the server's and the shadow's",
    labels: ['model'],
  },
} as const satisfies Record<string, ProxyMetric>;

export type ProxyMetricName = keyof typeof proxyMetrics;

/** Upper bounds of the latency histograms, in seconds. */
export const latencyBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** The table as Markdown. */
export function proxyMetricsMarkdown(): string {
  const rows = Object.entries(proxyMetrics).map(
    ([name, { type, help, labels }]) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
  );
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
