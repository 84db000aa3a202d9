import { randomBytes } from 'node:crypto';
import { installedPackages } from '../images/installed.ts';
import { nodeDockerfile } from '../images/node-image.ts';
import { tritonImageFiles } from '../images/triton-image.ts';
import { dashboardJson, datasourceUid } from '../observe/dashboard.ts';
import { alertRules, prometheusConfig } from '../observe/prometheus.ts';
import type { DeployPlan } from '../plan.ts';
import { basicOf, containerPorts, proxyUser } from '../triton-command.ts';
import type { GeneratedFile } from '../write-files.ts';
import { yamlFile } from '../yaml.ts';
import { folders, grafanaService, prometheusService, proxyService, secrets, tritonService } from './services.ts';

/**
 * The files of `conch deploy compose`: Triton, the proxy, Prometheus and Grafana. `dir` is where they will lie, from
 * which the repository's path is told. Only `.env`, which is written once, differs from run to run.
 */
export function composeFiles(plan: DeployPlan, dir: string): GeneratedFile[] {
  const by = `Written by \`conch deploy compose\` from ${plan.source}; written again, it changes with it.`;
  const compose = {
    name: plan.name,
    services: {
      triton: tritonService(plan, dir),
      proxy: proxyService(plan),
      prometheus: prometheusService(plan),
      grafana: grafanaService(plan),
    },
    networks: {
      // Without a way out: what a model's code may do ends here.
      inference: { internal: true },
      edge: {},
    },
    volumes: { prometheus: {}, grafana: {} },
  };
  const head = [
    by,
    `Triton ${plan.target.release} with ${plan.gpu ? 'a GPU' : 'processors only'}: ${plan.gpuReason}.`,
    'Start: docker compose up --detach --wait. The secrets stand in .env.',
  ];
  const queueMs = plan.settings.kubernetes?.queue_milliseconds ?? 10;
  return [
    { path: 'docker-compose.yml', text: yamlFile(head, compose) },
    { path: '.env', text: secretsFile(), once: true, mode: 0o600 },
    { path: '.gitignore', text: '.env\n' },
    ...tritonImageFiles(plan, folders.triton),
    ...(plan.settings.images?.conch === undefined ? conchImageFiles() : []),
    {
      path: `${folders.prometheus}/prometheus.yml`,
      text: yamlFile(
        [by],
        prometheusConfig({
          triton: [`triton:${containerPorts.metrics}`],
          proxy: [`proxy:${containerPorts.proxyMetrics}`],
        }),
      ),
    },
    { path: `${folders.prometheus}/alerts.yml`, text: yamlFile([by], alertRules(queueMs)) },
    { path: `${folders.grafana}/provisioning/datasources/prometheus.yml`, text: yamlFile([by], datasources) },
    { path: `${folders.grafana}/provisioning/dashboards/conch.yml`, text: yamlFile([by], dashboards) },
    { path: `${folders.grafana}/dashboards/serving.json`, text: dashboardJson(plan) },
  ];
}

function conchImageFiles(): GeneratedFile[] {
  const { name, version, dependencies } = installedPackages();
  const manifest = { name: 'conch-image', private: true, dependencies };
  const spec = `${name}@${version}`;
  return [
    { path: `${folders.conch}/Dockerfile`, text: nodeDockerfile({ from: 'package', spec }) },
    { path: `${folders.conch}/package.json`, text: `${JSON.stringify(manifest, null, 2)}\n` },
    { path: `${folders.conch}/.dockerignore`, text: '*\n!package.json\n!*.tgz\n' },
  ];
}

const datasources = {
  apiVersion: 1,
  datasources: [
    {
      name: 'Prometheus',
      uid: datasourceUid,
      type: 'prometheus',
      access: 'proxy',
      url: 'http://prometheus:9090',
      isDefault: true,
      editable: false,
    },
  ],
};

const dashboards = {
  apiVersion: 1,
  providers: [{ name: 'conch', type: 'file', allowUiUpdates: false, options: { path: '/etc/conch/dashboards' } }],
};

function secretsFile(): string {
  const secret = () => randomBytes(24).toString('base64url');
  const key = secret();
  return [
    '# Secrets of docker-compose.yml, made once. Keep this file out of version control.',
    "# Opens Triton's shared memory, trace and log settings: header admin-key.",
    `${secrets.adminKey}=${key}`,
    `# ${proxyUser}:<that key> in base 64: opens the repository API in mode explicit.`,
    `${secrets.adminBasic}=${basicOf(key)}`,
    "# Of Grafana's user admin.",
    `${secrets.grafanaPassword}=${secret()}`,
    '',
  ].join('\n');
}
