import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { type Cluster, labels, names, selector } from './cluster.ts';

/** Up at once, since requests wait; down slowly, since a pod takes long to come back. */
const behavior = {
  scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent' as const, value: 100, periodSeconds: 30 }] },
  scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods' as const, value: 1, periodSeconds: 60 }] },
};

/** Mean milliseconds in the queue over the pods that `labels` choose, and 0 while nothing is asked. */
export function queueQuery(labels: string): string {
  const rate = (metric: string) => `sum(rate(${metric}{${labels}}[1m]))`;
  const requests = rate('nv_inference_request_success');
  return `${rate('nv_inference_queue_duration_us')} / 1000 / clamp_min(${requests}, 0.001)`;
}

export function pendingQuery(labels: string): string {
  return `sum(nv_inference_pending_request_count{${labels}})`;
}

/** How Prometheus' operator labels what a ServiceMonitor finds. */
const seriesOf = (cluster: Cluster) => `namespace="${cluster.namespace}",service="${names.triton(cluster)}"`;

export function scaledObject(cluster: Cluster): object {
  const { replicas, queueMs, pendingRequests, prometheus: serverAddress } = cluster;
  const series = seriesOf(cluster);
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: names.triton(cluster) },
      minReplicaCount: replicas.min,
      maxReplicaCount: replicas.max,
      pollingInterval: 15,
      advanced: { horizontalPodAutoscalerConfig: { behavior } },
      triggers: [
        {
          name: 'queue-milliseconds',
          type: 'prometheus',
          // As a mean it does not grow with the number of pods.
          metricType: 'Value',
          metadata: { serverAddress, query: queueQuery(series), threshold: String(queueMs) },
        },
        {
          name: 'pending-requests',
          type: 'prometheus',
          metricType: 'AverageValue',
          metadata: { serverAddress, query: pendingQuery(series), threshold: String(pendingRequests) },
        },
      ],
    },
  } satisfies IScaledObject;
}

/** Over the metrics that prometheus-adapter makes by `adapterRules`. */
export function autoscaler(cluster: Cluster): object {
  const { replicas, queueMs, pendingRequests } = cluster;
  const metric = (name: string, value: number) => ({
    type: 'Pods' as const,
    pods: { metric: { name }, target: { type: 'AverageValue' as const, averageValue: String(value) } },
  });
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: names.triton(cluster) },
      minReplicas: replicas.min,
      maxReplicas: replicas.max,
      metrics: [metric('conch_queue_milliseconds', queueMs), metric('conch_pending_requests', pendingRequests)],
      behavior,
    },
  } satisfies IHorizontalPodAutoscaler;
}

/** Values of prometheus-adapter's chart that make the autoscaler's metrics, a value for each pod. */
export function adapterRules(): object {
  const by = '<<.GroupBy>>';
  const rate = (metric: string) => `sum(rate(${metric}{<<.LabelMatchers>>}[1m])) by (${by})`;
  const resources = { overrides: { namespace: { resource: 'namespace' }, pod: { resource: 'pod' } } };
  return {
    rules: {
      custom: [
        {
          seriesQuery: 'nv_inference_queue_duration_us{namespace!="",pod!=""}',
          resources,
          name: { as: 'conch_queue_milliseconds' },
          metricsQuery: `${rate('nv_inference_queue_duration_us')} / 1000 / clamp_min(${rate('nv_inference_request_success')}, 0.001)`,
        },
        {
          seriesQuery: 'nv_inference_pending_request_count{namespace!="",pod!=""}',
          resources,
          name: { as: 'conch_pending_requests' },
          metricsQuery: `sum(nv_inference_pending_request_count{<<.LabelMatchers>>}) by (${by})`,
        },
      ],
    },
  };
}

/** What Prometheus' operator reads: Triton's metrics, or the proxy's. */
export function serviceMonitor(cluster: Cluster, component: 'triton' | 'proxy'): object {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: names[component](cluster), labels: labels(cluster, component) },
    spec: {
      selector: { matchLabels: selector(cluster, component) },
      endpoints: [{ port: 'metrics', path: '/metrics', interval: '15s' }],
    },
  };
}
