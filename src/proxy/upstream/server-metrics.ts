import type { ProxyMetrics } from '../operations/index.ts';
import type { Shadow } from './shadow.ts';
import type { SpreadClient } from './spread-client.ts';

/** Shows the state of every server in the metrics. */
export function countServers(metrics: ProxyMetrics, spread: SpreadClient): void {
  metrics.beforeReading.push(() => {
    for (const { url: server, inRotation, inFlight, requests, circuit } of spread.endpoints) {
      metrics.set('conch_proxy_server_up', { server }, inRotation ? 1 : 0);
      metrics.set('conch_proxy_server_in_flight', { server }, inFlight);
      for (const outcome of ['succeeded', 'failed'] as const) {
        metrics.countTo('conch_proxy_server_inferences_total', { server, outcome }, requests[outcome]);
      }
      metrics.countTo('conch_proxy_server_ejections_total', { server }, circuit.opened);
    }
    metrics.countTo('conch_proxy_retries_total', {}, spread.retried);
  });
}

/** Shows what came of the copies in the metrics. */
export function countShadow(metrics: ProxyMetrics, shadow: Shadow): void {
  metrics.beforeReading.push(() => {
    for (const { model, ...report } of shadow.report()) {
      for (const outcome of ['compared', 'mismatched', 'failed', 'skipped'] as const) {
        metrics.countTo('conch_proxy_shadow_inferences_total', { model, outcome }, report[outcome]);
      }
      metrics.countTo('conch_proxy_shadow_label_disagreements_total', { model }, report.labelDisagreements);
      metrics.set('conch_proxy_shadow_max_abs_difference', { model }, report.maxAbsDifference);
    }
  });
}
