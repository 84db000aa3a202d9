import { ConchError } from '../../base/index.ts';
import type { DeployPlan } from '../plan.ts';

/** What the manifests share. */
export interface Cluster {
  readonly plan: DeployPlan;
  readonly namespace: string;
  /** First digits of the content hash: the folder in the bucket or claim that holds this content, and no other. */
  readonly revision: string;
  readonly source: ModelSource;
  readonly replicas: { readonly min: number; readonly max: number };
  readonly queueMs: number;
  readonly pendingRequests: number;
  /** Address of Prometheus. */
  readonly prometheus: string;
  readonly monitoringNamespace: string;
}

export type ModelSource =
  | { readonly kind: 'claim'; readonly claim: string; readonly path: string }
  | { readonly kind: 's3' | 'gs'; readonly path: string; readonly secret?: string; readonly environment: Environment };

type Environment = readonly { readonly name: string; readonly value: string }[];

/** Names of what the manifests refer to each other by. */
export const names = {
  triton: ({ plan }: Cluster) => `${plan.name}-triton`,
  proxy: ({ plan }: Cluster) => `${plan.name}-proxy`,
  /** Kustomize adds a hash of the content, so that a changed secret rolls out. */
  admin: ({ plan }: Cluster) => `${plan.name}-admin`,
  release: ({ plan }: Cluster) => `${plan.name}-release`,
};

export function clusterOf(plan: DeployPlan): Cluster {
  const { kubernetes = {} } = plan.settings;
  const min = kubernetes.replicas?.min ?? 1;
  const max = kubernetes.replicas?.max ?? Math.max(4, min);
  if (max < min) {
    throw new ConchError('DEPLOYMENT_INVALID', `deploy.kubernetes.replicas: max is ${max}, less than min ${min}`, {
      fix: 'raise max, or lower min',
    });
  }
  const revision = plan.contentHash.slice('sha256:'.length, 'sha256:'.length + 16);
  return {
    plan,
    namespace: kubernetes.namespace ?? plan.name,
    revision,
    source: sourceOf(plan, revision),
    replicas: { min, max },
    queueMs: kubernetes.queue_milliseconds ?? 10,
    pendingRequests: kubernetes.pending_requests ?? 8,
    prometheus: kubernetes.prometheus ?? 'http://prometheus-operated.monitoring.svc:9090',
    monitoringNamespace: kubernetes.monitoring_namespace ?? 'monitoring',
  };
}

function sourceOf({ name, settings }: DeployPlan, revision: string): ModelSource {
  const repository = settings.kubernetes?.repository ?? { claim: `${name}-models` };
  const below = (path = '') => [...path.split('/').filter(Boolean), revision].join('/');
  if ('claim' in repository) return { kind: 'claim', claim: repository.claim, path: below(repository.path) };
  const { uri, secret, endpoint, region } = repository;
  const [, kind, path] = /^(s3|gs):\/\/(.+)$/.exec(uri) as unknown as [string, 's3' | 'gs', string];
  return {
    kind,
    path: below(path),
    ...(secret !== undefined && { secret }),
    environment: kind === 'gs' ? googleStorage : s3(endpoint, region),
  };
}

/** rclone's settings as variables; credentials come from the environment, too, or from the service account. */
const googleStorage: Environment = [
  { name: 'RCLONE_GCS_ENV_AUTH', value: 'true' },
  { name: 'RCLONE_GCS_BUCKET_POLICY_ONLY', value: 'true' },
];

function s3(endpoint: string | undefined, region: string | undefined): Environment {
  return [
    { name: 'RCLONE_S3_PROVIDER', value: endpoint === undefined ? 'AWS' : 'Other' },
    { name: 'RCLONE_S3_ENV_AUTH', value: 'true' },
    ...(endpoint === undefined ? [] : [{ name: 'RCLONE_S3_ENDPOINT', value: endpoint }]),
    ...(region === undefined ? [] : [{ name: 'RCLONE_S3_REGION', value: region }]),
  ];
}

/** rclone's name of the folder with this content. */
export function remoteOf(source: Exclude<ModelSource, { kind: 'claim' }>): string {
  return `:${source.kind === 'gs' ? 'gcs' : 's3'}:${source.path}`;
}

/** Labels that never change, by which Services and policies find pods. */
export function selector({ plan }: Cluster, component: 'triton' | 'proxy') {
  return { 'app.kubernetes.io/name': component, 'app.kubernetes.io/instance': plan.name };
}

export function labels(cluster: Cluster, component: 'triton' | 'proxy') {
  return { ...selector(cluster, component), 'app.kubernetes.io/managed-by': 'conch' };
}

/** What every container gets: no rights, and no way to any. */
export const containerSecurity = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

/** Both images have a user 1000 that is not root. */
export const podSecurity = {
  runAsNonRoot: true,
  ...{ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
  seccompProfile: { type: 'RuntimeDefault' as const },
};
