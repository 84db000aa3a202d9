/** Where Prometheus finds what it reads, as `host:port`. */
export interface ScrapeTargets {
  readonly triton: readonly string[];
  readonly proxy: readonly string[];
}

/** prometheus.yml, as a value. */
export function prometheusConfig({ triton, proxy }: ScrapeTargets): object {
  return {
    global: { scrape_interval: '5s', evaluation_interval: '15s' },
    rule_files: ['alerts.yml'],
    scrape_configs: [
      { job_name: 'triton', static_configs: [{ targets: triton }] },
      { job_name: 'proxy', static_configs: [{ targets: proxy }] },
    ],
  };
}

/** alerts.yml, as a value: what somebody should know about. `queueMs` is the time in the queue that is too long. */
export function alertRules(queueMs: number): object {
  const perModel = (metric: string) => `sum by (model) (rate(${metric}[5m]))`;
  const failed = perModel('nv_inference_request_failure');
  const done = perModel('nv_inference_request_success');
  return {
    groups: [
      {
        name: 'conch',
        rules: [
          alert(
            'ServerDown',
            'up{job=~"triton|proxy"} == 0',
            '1m',
            '{{ $labels.job }} at {{ $labels.instance }} is down',
          ),
          alert(
            'RequestsFail',
            `${failed} / (${done} + ${failed}) > 0.01`,
            '5m',
            'more than 1 % of the requests of {{ $labels.model }} fail',
          ),
          alert(
            'QueueTooLong',
            `${perModel('nv_inference_queue_duration_us')} / ${done} > ${queueMs * 1000}`,
            '5m',
            `requests of {{ $labels.model }} wait longer than ${queueMs} ms`,
          ),
        ],
      },
    ],
  };
}

function alert(name: string, expr: string, lasts: string, summary: string): object {
  return { alert: name, expr, for: lasts, labels: { severity: 'warning' }, annotations: { summary } };
}
