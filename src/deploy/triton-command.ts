import type { DeployPlan } from './plan.ts';

/** Ports inside the containers: Triton's own defaults, and the proxy's. */
export const containerPorts = { http: 8000, grpc: 8001, metrics: 8002, proxy: 8080, proxyMetrics: 8081 } as const;

/** Where the containers find the repository. */
export const modelsFolder = '/models';

/** Header (and gRPC key) that opens what is restricted. */
export const adminHeader = 'admin-key';

/** Whom the proxy is to Triton, in the address of the server and in basic authentication. */
export const proxyUser = 'triton';

/** How the orchestrator fills secrets in: Compose `${NAME}`, Kubernetes `$(NAME)`. */
export interface SecretReferences {
  /** Opens what changes the server. */
  readonly adminKey: string;
  /** `<proxyUser>:<adminKey>` in base 64, as basic authentication has it. */
  readonly adminBasic: string;
}

/** An admin key as the credentials of basic authentication. */
export function basicOf(key: string): string {
  return Buffer.from(`${proxyUser}:${key}`).toString('base64');
}

/**
 * The command of Triton's container. What changes the server is answered only to who sends the key. In the modes none and
 * poll Triton itself refuses to load and unload; in mode explicit the whole repository API is restricted, the index with
 * it, which the proxy reads: it gives the key as basic authentication, which an address can hold.
 */
export function tritonCommand(plan: DeployPlan, { adminKey, adminBasic }: SecretReferences): string[] {
  const { modelControlMode: mode, settings } = plan;
  const explicit = mode === 'explicit';
  const loaded = explicit ? (settings.load_model ?? ['*']) : [];
  const restricted = 'shared-memory,trace,logging';
  return [
    'tritonserver',
    `--model-repository=${modelsFolder}`,
    `--model-control-mode=${mode}`,
    ...loaded.map((name) => `--load-model=${name}`),
    `--exit-timeout-secs=${plan.exitTimeoutSecs}`,
    ...(plan.responseCache ? [`--cache-config=local,size=${responseCacheBytes}`] : []),
    `--http-restricted-api=${restricted}:${adminHeader}=${adminKey}`,
    ...(explicit ? [`--http-restricted-api=model-repository:authorization=Basic ${adminBasic}`] : []),
    `--grpc-restricted-protocol=${restricted}${explicit ? ',model-repository' : ''}:${adminHeader}=${adminKey}`,
    ...(settings.triton_flags ?? []),
  ];
}

const responseCacheBytes = 256 * 1024 * 1024;
