import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { imageFiles } from '../scripts/images.ts';
import { composeFiles, kubernetesFiles, planDeployment, writeFiles } from '../src/deploy/index.ts';
import { proxyMetricsMarkdown } from '../src/proxy/index.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-deploy-files-'));
  await mkdir(join(root, 'models/net/1'), { recursive: true });
  await writeFile(join(root, 'models/net/config.pbtxt'), 'name: "net"\nbackend: "onnxruntime"\n');
  const plan = await planDeployment({ repository: join(root, 'models'), target: 'triton:26.07', gpu: true });
  for (const [kind, generate] of Object.entries({ compose: composeFiles, kubernetes: kubernetesFiles })) {
    await writeFiles(generate(plan, join(root, kind)), { dir: join(root, kind), kind });
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

function expressions(): string[] {
  const dashboard = JSON.parse(readFileSync(join(root, 'compose/grafana/dashboards/serving.json'), 'utf8'));
  const panels = dashboard.panels as { targets?: { expr: string }[] }[];
  return panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
}

test.each(Object.entries(imageFiles()))('docker/%s is what the code says', (name, text) => {
  expect(readFileSync(new URL(`../docker/${name}`, import.meta.url), 'utf8')).toBe(text);
  if (name.endsWith('Dockerfile')) expect(validate(text)).toEqual([]);
});

test("the dashboard asks for metrics that the proxy has, and Triton's by their names", () => {
  const names = new Set(expressions().flatMap((expr) => expr.match(/\b(?:conch|nv)_\w+/g)!));
  const proxys = [...names].filter((name) => name.startsWith('conch_')).map((name) => name.replace(/_bucket$/, ''));
  const table = proxyMetricsMarkdown();
  expect(proxys.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  expect(names).toContain('nv_inference_queue_duration_us');
});

// What scripts/fetch-deploy-tools.ts has built: npm run test:deploy.
const tools = process.env.CONCH_DEPLOY_TOOLS && resolve(process.env.CONCH_DEPLOY_TOOLS);

describe.skipIf(!tools)('judged by the programs that will read them', () => {
  const run = (program: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(join(tools!, program), args, { encoding: 'utf8' });
    expect(status, `${stdout}${stderr}`).toBe(0);
    return stdout;
  };

  test('Docker Compose reads the file and resolves it', () => {
    const args = ['--project-directory', join(root, 'compose'), '--file', join(root, 'compose/docker-compose.yml')];
    const read = run('docker-compose', ...args, 'config', '--format', 'json');
    const { services } = JSON.parse(read);
    expect(services.triton.user).toBe('1000:1000');
    expect(services.triton.volumes[0]).toMatchObject({ source: join(root, 'models'), read_only: true });
    expect(services.triton.command.join(' ')).toMatch(/admin-key=[\w-]{32} /);
  });

  test('promtool reads the configuration, the alerts and every query of the dashboard', async () => {
    run('promtool', 'check', 'config', join(root, 'compose/prometheus/prometheus.yml'));
    const queries = expressions().map((expr) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$model', '.*'));
    const scaling = parseAllDocuments(readFileSync(join(root, 'kubernetes/scaling.yaml'), 'utf8'))[0]!.toJS();
    for (const { metadata } of scaling.spec.triggers) queries.push(metadata.query);
    const rules = queries.map((expr, index) => ({ record: `q:${index}`, expr }));
    await writeFile(join(root, 'queries.yml'), stringify({ groups: [{ name: 'all', rules }] }));
    expect(run('promtool', 'check', 'rules', join(root, 'queries.yml'))).toContain(`${rules.length} rules found`);
  });

  test('Kubernetes knows every field of the manifests', async () => {
    const built = execFileSync('kubectl', ['kustomize', join(root, 'kubernetes')], { encoding: 'utf8' });
    const own = parseAllDocuments(built).map((document) => document.toJS());
    const core = own.filter(({ kind }) => kind !== 'ScaledObject' && kind !== 'ServiceMonitor');
    await writeFile(join(root, 'all.yaml'), core.map((one) => stringify(one)).join('---\n'));
    run('venv/bin/kubernetes-validate', '--strict', join(root, 'all.yaml'));
  });

  test('hadolint has no warning', () => {
    const files = ['docker/Dockerfile', 'docker/compile.Dockerfile', join(root, 'compose/conch/Dockerfile')];
    // The package is pinned by the argument, which hadolint does not look into.
    run('venv/bin/hadolint', '--failure-threshold', 'warning', '--ignore', 'DL3016', ...files);
    expect(existsSync('docker/Dockerfile.dockerignore')).toBe(true);
  });
});
