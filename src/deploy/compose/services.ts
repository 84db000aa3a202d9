import { type DeployPlan, relativeTo } from '../plan.ts';
import { containerPorts, modelsFolder, proxyUser, tritonCommand } from '../triton-command.ts';

/** Variables of `.env` that the services need. */
export const secrets = {
  ...{ adminKey: 'CONCH_ADMIN_KEY', adminBasic: 'CONCH_ADMIN_BASIC' },
  grafanaPassword: 'GRAFANA_ADMIN_PASSWORD',
} as const;

const secret = (name: string) => `\${${name}:?it stands in .env}`;

const hardened = {
  restart: 'unless-stopped',
  security_opt: ['no-new-privileges:true'],
  cap_drop: ['ALL'],
  logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
};

/** Folders inside the folder of docker-compose.yml. */
export const folders = { triton: 'triton', conch: 'conch', prometheus: 'prometheus', grafana: 'grafana' } as const;

export function tritonService(plan: DeployPlan, dir: string): object {
  const { settings, gpu } = plan;
  const { ports = {} } = settings.compose ?? {};
  const published = (
    [
      ['http', ports.http],
      ['grpc', ports.grpc],
      ['metrics', ports.metrics],
    ] as const
  ).flatMap(([name, port]) => (port === undefined ? [] : [publish(plan, port, containerPorts[name])]));
  return {
    image: plan.images.triton,
    ...(plan.tokenizers.length > 0 &&
      settings.images?.triton === undefined && { build: { context: `./${folders.triton}` }, pull_policy: 'build' }),
    command: tritonCommand(plan, { adminKey: secret(secrets.adminKey), adminBasic: secret(secrets.adminBasic) }),
    user: '1000:1000',
    volumes: [
      {
        type: 'bind',
        source: relativeTo(dir, plan.repository),
        target: modelsFolder,
        read_only: true,
        bind: { create_host_path: false },
      },
    ],
    networks: published.length > 0 ? ['inference', 'edge'] : ['inference'],
    ...(published.length > 0 && { ports: published }),
    // The Python backend passes tensors through /dev/shm, of which Docker gives 64 MB.
    shm_size: dockerSize(plan.shmSize),
    ulimits: { memlock: -1, stack: 67_108_864 },
    stop_grace_period: `${plan.exitTimeoutSecs + 15}s`,
    healthcheck: {
      test: ['CMD', 'curl', '-fsS', '-o', '/dev/null', `http://127.0.0.1:${containerPorts.http}/v2/health/ready`],
      interval: '10s',
      timeout: '5s',
      retries: 3,
      // Building sessions and warming up takes minutes for large models; failures until then do not count.
      start_period: '10m',
    },
    deploy: { resources: tritonResources(plan, gpu) },
    ...hardened,
  };
}

function tritonResources({ settings }: DeployPlan, gpu: boolean): object {
  const { cpus = 4, memory = '8Gi', gpus = 1 } = settings.resources?.triton ?? {};
  return {
    limits: { cpus: String(cpus), memory: dockerSize(memory) },
    ...(gpu && { reservations: { devices: [{ driver: 'nvidia', count: gpus, capabilities: ['gpu'] }] } }),
  };
}

export function proxyService(plan: DeployPlan): object {
  const { settings } = plan;
  const { cpus = 2, memory = '1Gi' } = settings.resources?.proxy ?? {};
  const { proxy: port = 8080 } = settings.compose?.ports ?? {};
  return {
    image: plan.images.conch,
    ...(settings.images?.conch === undefined && { build: { context: `./${folders.conch}` } }),
    command: [
      'proxy',
      '--server',
      `http://${plan.modelControlMode === 'explicit' ? `${proxyUser}:${secret(secrets.adminKey)}@` : ''}triton:${containerPorts.http}`,
      '--host',
      '0.0.0.0',
      '--port',
      String(containerPorts.proxy),
      // Not published: Prometheus reads it from inside.
      '--metrics-port',
      String(containerPorts.proxyMetrics),
    ],
    environment: { CONCH_HEALTH_URL: `http://127.0.0.1:${containerPorts.proxy}/healthz` },
    depends_on: { triton: { condition: 'service_healthy' } },
    networks: ['inference', 'edge'],
    ports: [publish(plan, port, containerPorts.proxy)],
    read_only: true,
    tmpfs: ['/tmp'],
    stop_grace_period: '20s',
    deploy: { resources: { limits: { cpus: String(cpus), memory: dockerSize(memory) } } },
    ...hardened,
  };
}

export function prometheusService(plan: DeployPlan): object {
  const { prometheus: port = 9090 } = plan.settings.compose?.ports ?? {};
  return {
    image: plan.images.prometheus,
    command: [
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
      '--storage.tsdb.retention.time=15d',
    ],
    volumes: [
      { type: 'bind', source: `./${folders.prometheus}`, target: '/etc/prometheus', read_only: true },
      { type: 'volume', source: 'prometheus', target: '/prometheus' },
    ],
    networks: ['inference', 'edge'],
    ports: [publish(plan, port, 9090)],
    healthcheck: check('http://127.0.0.1:9090/-/ready'),
    deploy: { resources: { limits: { cpus: '1', memory: '1g' } } },
    ...hardened,
  };
}

export function grafanaService(plan: DeployPlan): object {
  const { grafana: port = 3000 } = plan.settings.compose?.ports ?? {};
  return {
    image: plan.images.grafana,
    environment: {
      GF_SECURITY_ADMIN_PASSWORD: secret(secrets.grafanaPassword),
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: '/etc/conch/dashboards/serving.json',
    },
    volumes: [
      {
        type: 'bind',
        source: `./${folders.grafana}/provisioning`,
        target: '/etc/grafana/provisioning',
        read_only: true,
      },
      { type: 'bind', source: `./${folders.grafana}/dashboards`, target: '/etc/conch/dashboards', read_only: true },
      { type: 'volume', source: 'grafana', target: '/var/lib/grafana' },
    ],
    depends_on: { prometheus: { condition: 'service_started' } },
    networks: ['edge'],
    ports: [publish(plan, port, 3000)],
    healthcheck: check('http://127.0.0.1:3000/api/health'),
    deploy: { resources: { limits: { cpus: '1', memory: '512m' } } },
    ...hardened,
  };
}

/** Both images are based on Alpine's or BusyBox's wget. */
function check(url: string): object {
  return { test: ['CMD', 'wget', '-q', '-O', '/dev/null', url], interval: '10s', timeout: '5s', retries: 3 };
}

function publish({ settings }: DeployPlan, port: number, target: number): string {
  const { address = '127.0.0.1' } = settings.compose ?? {};
  return `${address.includes(':') ? `[${address}]` : address}:${port}:${target}`;
}

/** `4Gi` as Docker writes it; both count in powers of 1024. */
function dockerSize(text: string): string {
  return text.replace(/([KMGT])i$/, (_, unit: string) => unit.toLowerCase());
}
