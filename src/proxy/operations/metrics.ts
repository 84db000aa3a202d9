import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { latencyBuckets, type ProxyMetricName, proxyMetrics } from './metric-table.ts';

/** What is known of a request when it has been answered. Times are milliseconds. */
export interface AnsweredRequest {
  /** The route's pattern, e.g. `/models/:name`; empty where there is none. */
  readonly route: string;
  readonly status: number;
  readonly totalMs: number;
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  readonly key?: string | undefined;
  readonly items?: number | undefined;
  readonly queueMs?: number | undefined;
  readonly tokenizeMs?: number | undefined;
  readonly inferMs?: number | undefined;
}

/** The metrics of one proxy, in a registry of its own. */
export class ProxyMetrics {
  readonly registry = new Registry();
  readonly #metrics = new Map<ProxyMetricName, Counter | Gauge | Histogram>();
  readonly #totals = new Map<string, number>();
  #inFlight = 0;
  #queued: () => number = () => 0;

  /** `process`: with prom-client's metrics of the process, such as memory and the lag of the event loop. */
  constructor({ process = false }: { readonly process?: boolean } = {}) {
    const registers = [this.registry];
    for (const [name, { type, help, labels: labelNames }] of Object.entries(proxyMetrics)) {
      const common = { name, help, labelNames, registers };
      const metric =
        type === 'counter'
          ? new Counter(common)
          : type === 'gauge'
            ? new Gauge(common)
            : new Histogram({ ...common, buckets: [...latencyBuckets] });
      this.#metrics.set(name as ProxyMetricName, metric);
    }
    if (process) collectDefaultMetrics({ register: this.registry });
  }

  /** A request has arrived; the answer says that it is gone, and may do so several times. */
  arrived(): () => void {
    this.#inFlight++;
    let gone = false;
    return () => {
      if (gone) return;
      gone = true;
      this.#inFlight--;
    };
  }

  /** Where the number of waiting requests is read. */
  countQueue(read: () => number): void {
    this.#queued = read;
  }

  answered(request: AnsweredRequest): void {
    const { route, items, key, queueMs, tokenizeMs, inferMs, model = '', version = '' } = request;
    const status = String(request.status);
    this.count('conch_proxy_requests_total', { route, model, status });
    this.#time('conch_proxy_request_duration_seconds', { route, model, status }, request.totalMs);
    if (key !== undefined) this.count('conch_proxy_key_requests_total', { key, status });
    if (model === '') return;
    this.#time('conch_proxy_queue_duration_seconds', { model }, queueMs);
    this.#time('conch_proxy_tokenize_duration_seconds', { model }, tokenizeMs);
    this.#time('conch_proxy_infer_duration_seconds', { model, version }, inferMs);
    if (items !== undefined) this.count('conch_proxy_items_total', { model }, items);
  }

  count(name: ProxyMetricName, labels: Record<string, string>, by = 1): void {
    (this.#metrics.get(name) as Counter).inc(labels, by);
  }

  /** Brings a counter to a total that somebody else counts. */
  countTo(name: ProxyMetricName, labels: Record<string, string>, total: number): void {
    const key = `${name} ${Object.values(labels).join(' ')}`;
    this.count(name, labels, total - (this.#totals.get(key) ?? 0));
    this.#totals.set(key, total);
  }

  set(name: ProxyMetricName, labels: Record<string, string>, value: number): void {
    (this.#metrics.get(name) as Gauge).set(labels, value);
  }

  /** Runs before each reading, to set gauges. */
  readonly beforeReading: (() => void)[] = [];

  get contentType(): string {
    return this.registry.contentType;
  }

  async text(): Promise<string> {
    this.set('conch_proxy_requests_in_flight', {}, this.#inFlight);
    this.set('conch_proxy_requests_queued', {}, this.#queued());
    for (const prepare of this.beforeReading) prepare();
    return this.registry.metrics();
  }

  #time(name: ProxyMetricName, labels: Record<string, string>, ms: number | undefined): void {
    if (ms !== undefined) (this.#metrics.get(name) as Histogram).observe(labels, ms / 1000);
  }
}
