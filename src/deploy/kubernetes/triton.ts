import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IContainer, IService, IServiceAccount, IVolume, IVolumeMount } from 'kubernetes-models/v1';
import { containerPorts, modelsFolder, tritonCommand } from '../triton-command.ts';
import { type Cluster, containerSecurity, labels, names, podSecurity, remoteOf, selector } from './cluster.ts';

/** Where the init container finds the checksums of what was deployed. */
const releaseFolder = '/release';
export const checksumsFile = 'checksums.sha256';

/** Until its endpoint is taken from all proxies, a pod that stops still gets requests. */
const drainSeconds = 10;

const ports = [
  { name: 'http', containerPort: containerPorts.http },
  { name: 'grpc', containerPort: containerPorts.grpc },
  { name: 'metrics', containerPort: containerPorts.metrics },
];

export function tritonDeployment(cluster: Cluster): object {
  const { plan } = cluster;
  const { node_selector: nodeSelector } = plan.settings.kubernetes ?? {};
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      // No replicas: the autoscaler sets them, and applying the file again must not take them back.
      selector: { matchLabels: selector(cluster, 'triton') },
      // A new version takes over pod by pod once it is ready; until then nothing is taken away.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      minReadySeconds: 5,
      revisionHistoryLimit: 5,
      progressDeadlineSeconds: 1800,
      template: {
        metadata: {
          labels: labels(cluster, 'triton'),
          annotations: { 'conch-content-hash': plan.contentHash },
        },
        spec: {
          serviceAccountName: names.triton(cluster),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: podSecurity,
          terminationGracePeriodSeconds: drainSeconds + plan.exitTimeoutSecs + 15,
          ...(nodeSelector && { nodeSelector }),
          ...(plan.gpu && { tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] }),
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: selector(cluster, 'triton') },
            },
          ],
          initContainers: [modelsContainer(cluster)],
          containers: [tritonContainer(cluster)],
          volumes: volumes(cluster),
        },
      },
    },
  } satisfies IDeployment;
}

/** With variables of `adminVariables` in them. */
export function tritonArguments({ plan }: Cluster): string[] {
  return tritonCommand(plan, { adminKey: '$(ADMIN_KEY)', adminBasic: '$(ADMIN_BASIC)' });
}

export function adminVariables(cluster: Cluster) {
  const used = cluster.plan.modelControlMode === 'explicit' ? ['ADMIN_KEY', 'ADMIN_BASIC'] : ['ADMIN_KEY'];
  return used.map((name) => ({ name, valueFrom: { secretKeyRef: { name: names.admin(cluster), key: name } } }));
}

function tritonContainer(cluster: Cluster): IContainer {
  const { plan } = cluster;
  const { cpus = 4, memory = '8Gi', gpus = 1 } = plan.settings.resources?.triton ?? {};
  const ready = { path: '/v2/health/ready', port: 'http' };
  return {
    name: 'triton',
    image: plan.images.triton,
    // Arguments alone, so that the image's own entry point runs, which sets up CUDA.
    args: tritonArguments(cluster),
    env: adminVariables(cluster),
    ports,
    resources: {
      requests: { cpu: String(cpus), memory },
      limits: { memory, ...(plan.gpu && { 'nvidia.com/gpu': gpus }) },
    },
    // Sessions are built and warmed up before Triton is ready: up to half an hour.
    startupProbe: { httpGet: ready, periodSeconds: 5, failureThreshold: 360, timeoutSeconds: 5 },
    readinessProbe: { httpGet: ready, periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 5 },
    livenessProbe: {
      httpGet: { path: '/v2/health/live', port: 'http' },
      ...{ periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
    },
    lifecycle: { preStop: { exec: { command: ['sleep', String(drainSeconds)] } } },
    // Its own file system stays writable: the Python backend unpacks into it.
    securityContext: containerSecurity,
    volumeMounts: [modelsMount(cluster, true), { name: 'shm', mountPath: '/dev/shm' }],
  };
}

/**
 * Before Triton starts: copies the content into the pod, unless a claim holds it, and compares every file with what was
 * deployed. rclone goes on after failures; a folder that is not there, or holds something else, ends the pod.
 */
function modelsContainer(cluster: Cluster): IContainer {
  const { plan, source } = cluster;
  const list = `${releaseFolder}/${checksumsFile}`;
  const check = `cd ${modelsFolder} && sha256sum -c ${list} > /tmp/checked || { grep -v ': OK$' /tmp/checked; exit 1; }`;
  const base = {
    name: 'models',
    image: plan.images.sync,
    resources: { requests: { cpu: '500m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    securityContext: { ...containerSecurity, readOnlyRootFilesystem: true },
  };
  const mounts = [
    { name: 'release', mountPath: releaseFolder, readOnly: true },
    { name: 'tmp', mountPath: '/tmp' },
  ];
  if (source.kind === 'claim') {
    const volumeMounts = [modelsMount(cluster, true), ...mounts];
    return { ...base, command: ['/bin/sh', '-ec', check], volumeMounts };
  }
  const copy = `rclone copy '${remoteOf(source)}' ${modelsFolder} --checksum --transfers=8 --retries=5 --stats=10s -v`;
  return {
    ...base,
    command: ['/bin/sh', '-ec', `${copy}\n${check}`],
    env: [...source.environment, { name: 'RCLONE_CONFIG', value: '/tmp/rclone.conf' }, { name: 'HOME', value: '/tmp' }],
    ...(source.secret !== undefined && { envFrom: [{ secretRef: { name: source.secret } }] }),
    volumeMounts: [modelsMount(cluster, false), ...mounts],
  };
}

function modelsMount({ source }: Cluster, readOnly: boolean): IVolumeMount {
  return {
    name: 'models',
    mountPath: modelsFolder,
    ...(readOnly && { readOnly }),
    ...(source.kind === 'claim' && { subPath: source.path }),
  };
}

function volumes(cluster: Cluster): IVolume[] {
  const { plan, source } = cluster;
  const { storage = '10Gi' } = plan.settings.kubernetes ?? {};
  const models: IVolume =
    source.kind === 'claim'
      ? { name: 'models', persistentVolumeClaim: { claimName: source.claim, readOnly: true } }
      : { name: 'models', emptyDir: { sizeLimit: storage } };
  return [
    models,
    { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
    { name: 'release', configMap: { name: names.release(cluster) } },
    { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: plan.shmSize } },
  ];
}

export function tritonService(cluster: Cluster): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: names.triton(cluster), labels: labels(cluster, 'triton') },
    spec: {
      selector: selector(cluster, 'triton'),
      ports: ports.map(({ name, containerPort }) => ({ name, port: containerPort, targetPort: name })),
    },
  } satisfies IService;
}

export function serviceAccount(cluster: Cluster): object {
  const annotations = cluster.plan.settings.kubernetes?.service_account_annotations;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: names.triton(cluster), ...(annotations && { annotations }) },
    automountServiceAccountToken: false,
  } satisfies IServiceAccount;
}
