import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IService } from 'kubernetes-models/v1';
import { containerPorts, proxyUser } from '../triton-command.ts';
import { type Cluster, containerSecurity, labels, names, podSecurity, selector } from './cluster.ts';

/** The proxy in front of the server at `host`, e.g. `conch-triton:8000`. */
export function proxyDeployment(cluster: Cluster, host: string): object {
  const { plan } = cluster;
  const { cpus = 1, memory = '1Gi' } = plan.settings.resources?.proxy ?? {};
  const explicit = plan.modelControlMode === 'explicit';
  const server = `http://${explicit ? `${proxyUser}:$(ADMIN_KEY)@` : ''}${host}`;
  const alive = { path: '/health', port: 'http' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: names.proxy(cluster), labels: labels(cluster, 'proxy') },
    spec: {
      replicas: 2,
      selector: { matchLabels: selector(cluster, 'proxy') },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      revisionHistoryLimit: 5,
      template: {
        metadata: { labels: labels(cluster, 'proxy') },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: podSecurity,
          terminationGracePeriodSeconds: 40,
          containers: [
            {
              name: 'proxy',
              image: plan.images.conch,
              args: [
                ...['proxy', '--server', server, '--host', '0.0.0.0', '--port', String(containerPorts.proxy)],
                ...['--metrics-port', String(containerPorts.proxyMetrics)],
              ],
              ...(explicit && {
                env: [
                  { name: 'ADMIN_KEY', valueFrom: { secretKeyRef: { name: names.admin(cluster), key: 'ADMIN_KEY' } } },
                ],
              }),
              ports: [
                { name: 'http', containerPort: containerPorts.proxy },
                { name: 'metrics', containerPort: containerPorts.proxyMetrics },
              ],
              resources: { requests: { cpu: String(cpus), memory }, limits: { memory } },
              startupProbe: { httpGet: alive, periodSeconds: 2, failureThreshold: 30 },
              // Not ready while Triton is not: then no request is sent here only to be refused.
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 5, timeoutSeconds: 5 },
              livenessProbe: { httpGet: alive, periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
              lifecycle: { preStop: { exec: { command: ['sleep', '10'] } } },
              securityContext: { ...containerSecurity, readOnlyRootFilesystem: true },
              volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '256Mi' } }],
        },
      },
    },
  } satisfies IDeployment;
}

export function proxyService(cluster: Cluster): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: names.proxy(cluster), labels: labels(cluster, 'proxy') },
    spec: {
      selector: selector(cluster, 'proxy'),
      ports: [
        { name: 'http', port: 80, targetPort: 'http' },
        { name: 'metrics', port: containerPorts.proxyMetrics, targetPort: 'metrics' },
      ],
    },
  } satisfies IService;
}
