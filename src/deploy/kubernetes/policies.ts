import type { INetworkPolicy, INetworkPolicyPeer } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { containerPorts } from '../triton-command.ts';
import { type Cluster, labels, names, selector } from './cluster.ts';

/** A node that is emptied takes one pod at a time, and a single one, too: its successor is started elsewhere. */
export function disruptionBudget(cluster: Cluster, component: 'triton' | 'proxy'): object {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: names[component](cluster), labels: labels(cluster, component) },
    spec: { maxUnavailable: 1, selector: { matchLabels: selector(cluster, component) } },
  } satisfies IPodDisruptionBudget;
}

const tcp = (port: number) => ({ protocol: 'TCP' as const, port });
const dns = {
  to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
  ports: [{ protocol: 'UDP' as const, port: 53 }, tcp(53)],
};

/** Triton is reached by the proxy and by Prometheus, and reaches the bucket that its models come from, nothing else. */
export function tritonPolicy(cluster: Cluster): object {
  const { source } = cluster;
  const { http, grpc, metrics } = containerPorts;
  const bucket = source.kind === 'claim' ? [] : [dns, { ports: [tcp(bucketPort(source.environment))] }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      podSelector: { matchLabels: selector(cluster, 'triton') },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ podSelector: { matchLabels: selector(cluster, 'proxy') } }], ports: [tcp(http), tcp(grpc)] },
        { from: [prometheusOf(cluster)], ports: [tcp(metrics)] },
      ],
      egress: bucket,
    },
  } satisfies INetworkPolicy;
}

/** The proxy is reached by anybody in the cluster, and reaches Triton. */
export function proxyPolicy(cluster: Cluster): object {
  const { http, grpc, proxy, proxyMetrics } = containerPorts;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: names.proxy(cluster), labels: labels(cluster, 'proxy') },
    spec: {
      podSelector: { matchLabels: selector(cluster, 'proxy') },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [tcp(proxy)] }, { from: [prometheusOf(cluster)], ports: [tcp(proxyMetrics)] }],
      egress: [
        dns,
        { to: [{ podSelector: { matchLabels: selector(cluster, 'triton') } }], ports: [tcp(http), tcp(grpc)] },
      ],
    },
  } satisfies INetworkPolicy;
}

function prometheusOf({ monitoringNamespace }: Cluster): INetworkPolicyPeer {
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': monitoringNamespace } } };
}

/** Of the endpoint, where one is named; else that of HTTPS. */
function bucketPort(environment: readonly { readonly name: string; readonly value: string }[]): number {
  const endpoint = environment.find(({ name }) => name === 'RCLONE_S3_ENDPOINT')?.value;
  if (endpoint === undefined) return 443;
  const { port, protocol } = new URL(endpoint);
  return Number(port) || (protocol === 'http:' ? 80 : 443);
}
