import { modelsFolder } from '../triton-command.ts';
import { type Cluster, containerSecurity, labels, names } from './cluster.ts';
import { pendingQuery, queueQuery } from './scaling.ts';
import { adminVariables, tritonArguments } from './triton.ts';

/** Where KServe puts what it has fetched. */
const fetched = '/mnt/models';

/** Triton as KServe starts it, pinned, with the flags that the deployment asks for; KServe's own runtime is not used. */
export function servingRuntime(cluster: Cluster): object {
  const { plan } = cluster;
  return {
    apiVersion: 'serving.kserve.io/v1alpha1',
    kind: 'ServingRuntime',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      supportedModelFormats: [{ name: 'triton', version: '2', autoSelect: false }],
      protocolVersions: ['v2', 'grpc-v2'],
      containers: [
        {
          name: 'kserve-container',
          image: plan.images.triton,
          args: tritonArguments(cluster).map((flag) => flag.replace(`=${modelsFolder}`, `=${fetched}`)),
          env: adminVariables(cluster),
          ports: [{ name: 'http1', containerPort: 8000, protocol: 'TCP' }],
          securityContext: { ...containerSecurity, runAsNonRoot: true, runAsUser: 1000 },
          volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
        },
      ],
      volumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: plan.shmSize } }],
    },
  };
}

/** The content of the repository at this moment, served by that runtime and scaled on the time in the queue. */
export function inferenceService(cluster: Cluster): object {
  const { plan, source, replicas, queueMs, pendingRequests, prometheus: serverAddress } = cluster;
  const { cpus = 4, memory = '8Gi', gpus = 1 } = plan.settings.resources?.triton ?? {};
  const { node_selector: nodeSelector } = plan.settings.kubernetes ?? {};
  const series = `namespace="${cluster.namespace}",pod=~"${plan.name}-predictor-.*"`;
  const external = (query: string, target: object) => ({
    type: 'External',
    external: { metric: { backend: 'prometheus', serverAddress, query }, target },
  });
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: {
      name: plan.name,
      labels: labels(cluster, 'triton'),
      annotations: {
        // Deployments and Services alone: no Knative, and pods that live on, as models that load for minutes need.
        'serving.kserve.io/deploymentMode': 'RawDeployment',
        'serving.kserve.io/autoscalerClass': 'keda',
        'conch-content-hash': plan.contentHash,
      },
    },
    spec: {
      predictor: {
        serviceAccountName: names.triton(cluster),
        minReplicas: replicas.min,
        maxReplicas: replicas.max,
        terminationGracePeriodSeconds: plan.exitTimeoutSecs + 15,
        ...(nodeSelector && { nodeSelector }),
        ...(plan.gpu && { tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] }),
        deploymentStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        autoScaling: {
          metrics: [
            external(queueQuery(series), { type: 'Value', value: String(queueMs) }),
            external(pendingQuery(series), { type: 'AverageValue', averageValue: String(pendingRequests) }),
          ],
        },
        model: {
          modelFormat: { name: 'triton', version: '2' },
          runtime: names.triton(cluster),
          protocolVersion: 'v2',
          storageUri: storageUri(source),
          resources: {
            requests: { cpu: String(cpus), memory },
            limits: { memory, ...(plan.gpu && { 'nvidia.com/gpu': String(gpus) }) },
          },
          startupProbe: {
            httpGet: { path: '/v2/health/ready', port: 8000 },
            ...{ periodSeconds: 5, failureThreshold: 360, timeoutSeconds: 5 },
          },
          readinessProbe: { httpGet: { path: '/v2/health/ready', port: 8000 }, periodSeconds: 5, timeoutSeconds: 5 },
          livenessProbe: {
            httpGet: { path: '/v2/health/live', port: 8000 },
            ...{ periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
          },
        },
      },
    },
  };
}

function storageUri(source: Cluster['source']): string {
  return source.kind === 'claim' ? `pvc://${source.claim}/${source.path}` : `${source.kind}://${source.path}`;
}

/** Where the proxy finds what KServe has made of the InferenceService. */
export function predictorHost({ plan }: Cluster): string {
  return `${plan.name}-predictor:80`;
}
