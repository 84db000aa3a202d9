import type { DeployPlan } from './plan.ts';

/** Ports inside the containers: Triton's own defaults, and the proxy's. */
export const containerPorts = { http: 8000, grpc: 8001, metrics: 8002, proxy: 8080 } as const;

/** Where the containers find the repository. */
export const modelsFolder = '/models';

/** Header (and gRPC key) that opens what is restricted. */
export const adminHeader = 'admin-key';

/**
 * The command of Triton's container. `adminKey` stands for the secret as the orchestrator fills it in, `${NAME}` for
 * Compose and `$(NAME)` for Kubernetes: what changes the server is answered only to who sends it. Model control needs no
 * restriction in modes none and poll, in which Triton refuses it, so that the proxy can read the index there.
 */
export function tritonCommand(plan: DeployPlan, adminKey: string): string[] {
  const { modelControlMode: mode, settings } = plan;
  const loaded = mode === 'explicit' ? (settings.load_model ?? ['*']) : [];
  const restricted = ['shared-memory', 'trace', 'logging'].join(',');
  return [
    'tritonserver',
    `--model-repository=${modelsFolder}`,
    `--model-control-mode=${mode}`,
    ...loaded.map((name) => `--load-model=${name}`),
    `--exit-timeout-secs=${plan.exitTimeoutSecs}`,
    ...(plan.responseCache ? [`--cache-config=local,size=${responseCacheBytes}`] : []),
    `--http-restricted-api=${restricted}:${adminHeader}=${adminKey}`,
    `--grpc-restricted-protocol=${restricted}:${adminHeader}=${adminKey}`,
    ...(settings.triton_flags ?? []),
  ];
}

const responseCacheBytes = 256 * 1024 * 1024;
