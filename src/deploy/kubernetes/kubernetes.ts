import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { dashboardJson } from '../observe/dashboard.ts';
import type { DeployPlan } from '../plan.ts';
import { basicOf } from '../triton-command.ts';
import type { GeneratedFile } from '../write-files.ts';
import { yamlFile } from '../yaml.ts';
import { type Cluster, clusterOf, names } from './cluster.ts';
import { inferenceService, predictorHost, servingRuntime } from './kserve.ts';
import { disruptionBudget, proxyPolicy, tritonPolicy } from './policies.ts';
import { proxyDeployment, proxyService } from './proxy.ts';
import { publishScript } from './publish.ts';
import { adapterRules, autoscaler, scaledObject, serviceMonitor } from './scaling.ts';
import { checksumsFile, serviceAccount, tritonDeployment, tritonService } from './triton.ts';

/**
 * The files of `conch deploy kubernetes`: a Kustomize tree, and in `kserve/` another one in which KServe runs Triton. Plain
 * manifests, since the deployment file is the template: what is applied is what was reviewed. Only the secrets, written
 * once, differ from run to run.
 */
export function kubernetesFiles(plan: DeployPlan, dir: string): GeneratedFile[] {
  const cluster = clusterOf(plan);
  const by = `Written by \`conch deploy kubernetes\` from ${plan.source}; written again, it changes with it.`;
  const yaml = (path: string, ...documents: object[]): GeneratedFile => ({ path, text: yamlFile([by], ...documents) });
  const scaling = plan.settings.kubernetes?.scaler === 'hpa' ? autoscaler(cluster) : scaledObject(cluster);
  const kserve = kserveFiles(cluster, yaml);
  return [
    yaml('kustomization.yaml', kustomization(cluster)),
    yaml('namespace.yaml', namespaceOf(cluster)),
    yaml(
      'triton.yaml',
      ...[serviceAccount(cluster), tritonDeployment(cluster), tritonService(cluster)],
      ...[disruptionBudget(cluster, 'triton'), tritonPolicy(cluster)],
    ),
    yaml(
      'proxy.yaml',
      ...[proxyDeployment(cluster, `${names.triton(cluster)}:8000`), proxyService(cluster)],
      ...[disruptionBudget(cluster, 'proxy'), proxyPolicy(cluster)],
    ),
    yaml('scaling.yaml', scaling),
    ...(plan.settings.kubernetes?.scaler === 'hpa' ? [yaml('prometheus-adapter.yaml', adapterRules())] : []),
    yaml('monitoring.yaml', serviceMonitor(cluster, 'triton'), serviceMonitor(cluster, 'proxy')),
    { path: 'serving.json', text: dashboardJson(plan) },
    { path: checksumsFile, text: checksums(plan) },
    { path: 'publish.sh', text: publishScript(cluster, by, resolve(dir)), mode: 0o755 },
    secretFile('admin.env'),
    { path: '.gitignore', text: 'admin.env\n' },
    ...kserve,
  ];
}

type Yaml = (path: string, ...documents: object[]) => GeneratedFile;

function kserveFiles(cluster: Cluster, yaml: Yaml): GeneratedFile[] {
  return [
    yaml('kserve/kustomization.yaml', {
      ...head(cluster, ['serving-runtime.yaml', 'inference-service.yaml', 'proxy.yaml']),
      // Kustomize does not look for its names in KServe's resources.
      secretGenerator: [{ ...adminSecret(cluster), options: { disableNameSuffixHash: true } }],
    }),
    yaml('kserve/serving-runtime.yaml', servingRuntime(cluster)),
    yaml('kserve/inference-service.yaml', serviceAccount(cluster), inferenceService(cluster)),
    yaml(
      'kserve/proxy.yaml',
      ...[proxyDeployment(cluster, predictorHost(cluster)), proxyService(cluster), disruptionBudget(cluster, 'proxy')],
    ),
    secretFile('kserve/admin.env'),
  ];
}

function head({ namespace }: Cluster, resources: string[]) {
  return { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', namespace, resources };
}

function kustomization(cluster: Cluster): object {
  const { plan } = cluster;
  return {
    ...head(cluster, ['namespace.yaml', 'triton.yaml', 'proxy.yaml', 'scaling.yaml', 'monitoring.yaml']),
    // Their names get a hash of the content: another content, or another secret, is a rollout.
    configMapGenerator: [
      {
        name: names.release(cluster),
        literals: [`content-hash=${plan.contentHash}`, `target=${plan.target.name}`],
        files: [checksumsFile],
      },
      {
        name: `${plan.name}-dashboard`,
        files: ['serving.json'],
        options: { labels: { grafana_dashboard: '1' }, disableNameSuffixHash: true },
      },
    ],
    secretGenerator: [adminSecret(cluster)],
  };
}

function adminSecret(cluster: Cluster) {
  return { name: names.admin(cluster), envs: ['admin.env'] };
}

/** Pods that want more than the strictest of Kubernetes' own profiles are refused in it. */
function namespaceOf({ namespace }: Cluster): object {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
}

function secretFile(path: string): GeneratedFile {
  const key = randomBytes(24).toString('base64url');
  return { path, text: `ADMIN_KEY=${key}\nADMIN_BASIC=${basicOf(key)}\n`, once: true, mode: 0o600 };
}

/** Of every file of the repository, as sha256sum reads them. */
function checksums({ models }: DeployPlan): string {
  const lines = models.flatMap(({ model, files }) =>
    Object.entries(files).map(([path, hash]) => `${hash.slice('sha256:'.length)}  ${model}/${path}`),
  );
  return `${lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('\n')}\n`;
}
