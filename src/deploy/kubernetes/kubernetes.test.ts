import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Namespace, Service, ServiceAccount } from 'kubernetes-models/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import kserve from '../../../test/fixtures/deploy/kserve.json' with { type: 'json' };
import type { DeploySettings, LoadedDeployment } from '../../compile/index.ts';
import { planDeployment } from '../plan.ts';
import { writeRepository } from '../testing.ts';
import { writeFiles } from '../write-files.ts';
import { kubernetesFiles } from './kubernetes.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-kubernetes-'));
  await writeRepository(join(root, 'models'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into by path.
type Manifest = Record<string, any>;

/** Schemas of Kubernetes and KEDA as packages carry them. That no field is unknown to them the compiler sees to. */
const kinds = {
  ...{ Deployment, Service, ServiceAccount, Namespace, ConfigMap, PodDisruptionBudget, NetworkPolicy },
  ...{ HorizontalPodAutoscaler, ScaledObject },
};

function validate(manifest: Manifest): void {
  const Kind = kinds[manifest.kind as keyof typeof kinds] as unknown as
    | (new (
        data: unknown,
      ) => { validate(): void })
    | undefined;
  if (Kind) new Kind(manifest).validate();
  if (Kind) return;
  const type = { InferenceService: 'V1beta1InferenceService', ServingRuntime: 'V1alpha1ServingRuntime' }[
    manifest.kind as string
  ];
  if (type) checkKserve(manifest, type, manifest.kind);
  if (type) return;
  // kubectl makes the Secret itself.
  expect(['Kustomization', 'ServiceMonitor', 'Secret']).toContain(manifest.kind);
}

type KserveTypes = Record<string, { fields: Record<string, string>; required: string[] }>;

/** Every field is one that KServe knows, of its type, and none is missing; what is Kubernetes' own stays unseen here. */
function checkKserve(value: unknown, type: string, path: string): void {
  const [, list] = /^list\[(.*)\]$/.exec(type) ?? [];
  const known = (kserve.types as unknown as KserveTypes)[type];
  if (list !== undefined) {
    expect(Array.isArray(value), path).toBe(true);
    for (const [index, one] of (value as unknown[]).entries()) checkKserve(one, list, `${path}[${index}]`);
  } else if (known) {
    for (const [key, one] of Object.entries(value as object)) {
      expect(Object.keys(known.fields), `${path}.${key}`).toContain(key);
      checkKserve(one, known.fields[key]!, `${path}.${key}`);
    }
    for (const key of known.required) expect(value, path).toHaveProperty(key);
  } else if (type === 'str') expect(typeof value, path).toBe('string');
  else if (type === 'int') expect(Number.isInteger(value), path).toBe(true);
  else if (type === 'bool') expect(typeof value, path).toBe('boolean');
}

async function generate(deploy: DeploySettings = {}) {
  const deployment = { target: 'triton:26.07', models: {}, deploy };
  const loaded: LoadedDeployment = { deployment, file: join(root, 'conch.config.ts'), baseDir: root };
  const plan = await planDeployment({ loaded, repository: join(root, 'models') });
  const dir = await mkdtemp(join(root, 'out-'));
  const files = kubernetesFiles(plan, dir);
  const manifests = files.filter(({ path }) => path.endsWith('.yaml') && path !== 'prometheus-adapter.yaml');
  const documents = manifests.flatMap(({ path, text }) =>
    parseAllDocuments(text).map((document) => ({ path, ...(document.toJS() as Manifest) }) as Manifest),
  );
  for (const { path, ...manifest } of documents) validate(manifest);
  const find = (kind: string, name = 'conch-triton', folder = '') =>
    documents.find((one) => one.kind === kind && one.metadata.name === name && one.path.startsWith(folder))!;
  return { plan, dir, files, find, text: (path: string) => files.find((file) => file.path === path)!.text };
}

const bucket = { uri: 's3://models/sentiment', secret: 'bucket', endpoint: 'http://minio.storage:9000' };

test('every manifest fits the schemas, and Triton is drained before it ends', async () => {
  const { plan, find } = await generate({ exit_timeout_secs: 60 });
  const { spec } = find('Deployment');
  expect(spec.replicas).toBeUndefined();
  expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  const pod = spec.template.spec;
  const [triton] = pod.containers;
  expect(triton.image).toBe('nvcr.io/nvidia/tritonserver:26.07-py3');
  expect(triton.args).toEqual(expect.arrayContaining(['tritonserver', '--exit-timeout-secs=60']));
  const drain = Number(triton.lifecycle.preStop.exec.command[1]);
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(60 + drain);
  expect(triton.startupProbe.httpGet.path).toBe('/v2/health/ready');
  expect(triton.livenessProbe.httpGet.path).toBe('/v2/health/live');
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(spec.template.metadata.annotations['conch-content-hash']).toBe(plan.contentHash);
  expect(triton.volumeMounts[0]).toEqual({
    ...{ name: 'models', mountPath: '/models', readOnly: true },
    subPath: plan.contentHash.slice(7, 23),
  });
  expect(find('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
});

test('the schemas refuse what is wrong, so they are worth something', async () => {
  const { find } = await generate();
  const { path: _, ...deployment } = find('Deployment');
  expect(() => validate({ ...deployment, spec: { ...deployment.spec, minReadySeconds: 'five' } })).toThrow();
  const { path: __, ...service } = find('InferenceService', 'conch');
  expect(() =>
    validate({ ...service, spec: { predictor: { model: { modelFormat: {}, storageURL: 'x' } } } }),
  ).toThrow();
  expect(() => validate({ ...service, spec: {} })).toThrow();
});

test('Triton is reached by the proxy and Prometheus alone, and reaches its bucket alone', async () => {
  const claim = await generate();
  expect(claim.find('NetworkPolicy').spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [] });
  const { find } = await generate({ kubernetes: { repository: bucket, monitoring_namespace: 'watch' } });
  const { ingress, egress } = find('NetworkPolicy').spec;
  expect(ingress[0].from).toEqual([
    { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'proxy', 'app.kubernetes.io/instance': 'conch' } } },
  ]);
  expect(ingress[1].from[0].namespaceSelector.matchLabels).toEqual({ 'kubernetes.io/metadata.name': 'watch' });
  expect(egress[1]).toEqual({ ports: [{ protocol: 'TCP', port: 9000 }] });
});

test('pods follow the time in the queue and what waits there', async () => {
  const keda = await generate({
    kubernetes: { replicas: { min: 2, max: 8 }, queue_milliseconds: 5, pending_requests: 3, namespace: 'prod' },
  });
  const { spec } = keda.find('ScaledObject');
  expect([spec.minReplicaCount, spec.maxReplicaCount]).toEqual([2, 8]);
  expect(spec.triggers[0]).toMatchObject({ type: 'prometheus', metricType: 'Value', metadata: { threshold: '5' } });
  expect(spec.triggers[0].metadata.query).toBe(
    'sum(rate(nv_inference_queue_duration_us{namespace="prod",service="conch-triton"}[1m])) / 1000 / clamp_min(sum(rate(nv_inference_request_success{namespace="prod",service="conch-triton"}[1m])), 0.001)',
  );
  expect(spec.triggers[1].metadata).toMatchObject({ threshold: '3' });
  const hpa = await generate({ kubernetes: { scaler: 'hpa' } });
  const [queue] = hpa.find('HorizontalPodAutoscaler').spec.metrics;
  const rules = parse(hpa.text('prometheus-adapter.yaml')).rules.custom as { name: { as: string } }[];
  expect(rules.map(({ name }) => name.as)).toContain(queue.pods.metric.name);
  expect(hpa.find('ScaledObject')).toBeUndefined();
});

test('a GPU, nodes, mode explicit and a bucket with a secret', async () => {
  const { find } = await generate({
    ...{ gpu: true, model_control_mode: 'explicit', resources: { triton: { gpus: 2 } } },
    kubernetes: { repository: bucket, node_selector: { pool: 'gpu' }, service_account_annotations: { 'x/role': 'y' } },
  });
  const pod = find('Deployment').spec.template.spec;
  expect(pod.containers[0].resources.limits['nvidia.com/gpu']).toBe(2);
  expect(pod.nodeSelector).toEqual({ pool: 'gpu' });
  expect(pod.tolerations[0].key).toBe('nvidia.com/gpu');
  expect(find('ServiceAccount').metadata.annotations).toEqual({ 'x/role': 'y' });
  const [init] = pod.initContainers;
  expect(init.envFrom).toEqual([{ secretRef: { name: 'bucket' } }]);
  expect(init.env).toContainEqual({ name: 'RCLONE_S3_ENDPOINT', value: 'http://minio.storage:9000' });
  expect(pod.containers[0].args.join(' ')).toContain('model-repository:authorization=Basic $(ADMIN_BASIC)');
  const [proxy] = find('Deployment', 'conch-proxy').spec.template.spec.containers;
  expect(proxy.args).toContain('http://triton:$(ADMIN_KEY)@conch-triton:8000');
});

test('KServe runs the same Triton over the same content', async () => {
  const { find, plan } = await generate({ kubernetes: { repository: bucket } });
  const { spec } = find('InferenceService', 'conch');
  expect(spec.predictor.model).toMatchObject({
    runtime: 'conch-triton',
    storageUri: `s3://models/sentiment/${plan.contentHash.slice(7, 23)}`,
  });
  const [container] = find('ServingRuntime').spec.containers;
  expect(container.args).toContain('--model-repository=/mnt/models');
  expect(spec.predictor.autoScaling.metrics[0].external.metric.backend).toBe('prometheus');
  const [proxy] = find('Deployment', 'conch-proxy', 'kserve/').spec.template.spec.containers;
  expect(proxy.args).toContain('http://conch-predictor:80');
  const claim = await generate({ kubernetes: { repository: { claim: 'store', path: 'a/b' } } });
  expect(claim.find('InferenceService', 'conch').spec.predictor.model.storageUri).toMatch(
    /^pvc:\/\/store\/a\/b\/[0-9a-f]{16}$/,
  );
});

test('the init container copies, and refuses content that is not what was deployed', async () => {
  const { find, text } = await generate({ kubernetes: { repository: bucket } });
  const [init] = find('Deployment').spec.template.spec.initContainers;
  const dir = await mkdtemp(join(root, 'pod-'));
  await mkdir(join(dir, 'models'));
  await mkdir(join(dir, 'tmp'));
  await writeFile(join(dir, 'checksums.sha256'), text('checksums.sha256'));
  const rclone = `#!/bin/sh\necho "$@" > ${dir}/called\ncp -R ${root}/models/. ${dir}/models\n`;
  await writeFile(join(dir, 'rclone'), rclone);
  await chmod(join(dir, 'rclone'), 0o755);
  const script = (init.command[2] as string)
    .replaceAll('/models', `${dir}/models`)
    .replaceAll('s3:models', 's3:MODELS')
    .replaceAll('/release/', `${dir}/`)
    .replaceAll('/tmp/checked', `${dir}/tmp/checked`);
  const run = () =>
    spawnSync('/bin/sh', ['-ec', script], { env: { PATH: `${dir}:${process.env.PATH}` }, encoding: 'utf8' });
  expect(run()).toMatchObject({ status: 0, stdout: '' });
  expect(await readFile(join(dir, 'called'), 'utf8')).toMatch(/^copy :s3:.*\/sentiment\/[0-9a-f]{16} /);
  await writeFile(join(dir, 'rclone'), `${rclone}echo other > ${dir}/models/net/1/model.onnx\n`);
  const refused = run();
  expect(refused.status).toBe(1);
  expect(refused.stdout).toContain('net/1/model.onnx: FAILED');
});

test('publish.sh uploads by content, and not when the repository has changed', async () => {
  const { dir, files, plan } = await generate({ kubernetes: { repository: bucket } });
  await writeFiles(files, { dir, kind: 'kubernetes' });
  await writeFile(join(dir, 'rclone'), `#!/bin/sh\necho "$RCLONE_S3_ENDPOINT $@"\n`);
  await chmod(join(dir, 'rclone'), 0o755);
  const publish = () =>
    spawnSync(join(dir, 'publish.sh'), { env: { PATH: `${dir}:${process.env.PATH}` }, encoding: 'utf8' });
  const done = publish();
  expect(done.stdout).toContain(
    `http://minio.storage:9000 copy . :s3:models/sentiment/${plan.contentHash.slice(7, 23)}`,
  );
  expect(done.status).toBe(0);
  await writeFile(join(root, 'models/net/1/model.onnx'), 'changed since');
  const refused = publish();
  await writeFile(join(root, 'models/net/1/model.onnx'), 'not read here');
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('the repository has changed: run conch deploy kubernetes again');
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

test.skipIf(!hasKubectl)('kubectl builds both trees; another content is another rollout', async () => {
  const build = async () => {
    const { dir, files } = await generate();
    await writeFiles(files, { dir, kind: 'kubernetes' });
    const trees = ['.', 'kserve'].map((folder) =>
      execFileSync('kubectl', ['kustomize', join(dir, folder)], { encoding: 'utf8' }),
    );
    return trees.map((tree) => parseAllDocuments(tree).map((document) => document.toJS() as Manifest)) as [
      Manifest[],
      Manifest[],
    ];
  };
  const [native, withKserve] = await build();
  for (const manifest of [...native, ...withKserve]) validate(manifest);
  const triton = (all: Manifest[]) =>
    all.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'conch-triton')!;
  const pod = triton(native).spec.template.spec;
  const secret = native.find(({ kind }) => kind === 'Secret')!.metadata.name as string;
  expect(secret).toMatch(/^conch-admin-/);
  expect(pod.containers[0].env[0].valueFrom.secretKeyRef.name).toBe(secret);
  const release = (one: Manifest) =>
    one.volumes.find(({ name }: { name: string }) => name === 'release').configMap.name as string;
  await writeFile(join(root, 'models/net/1/model.onnx'), 'another version');
  const [changed] = await build();
  await writeFile(join(root, 'models/net/1/model.onnx'), 'not read here');
  expect(release(triton(changed).spec.template.spec)).not.toBe(release(pod));
  expect(withKserve.find(({ kind }) => kind === 'Secret')!.metadata.name).toBe('conch-admin');
});

test('what contradicts itself is refused', async () => {
  await expect(generate({ kubernetes: { replicas: { min: 3, max: 2 } } })).rejects.toThrow(
    'deploy.kubernetes.replicas: max is 2, less than min 3',
  );
});
