import type { GrpcMethod, grpc, InferenceMethods } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';
import { serverMetadata } from '../control/metadata.ts';
import { isLive, isReady } from '../control/phase.ts';
import { statisticsOf } from '../control/statistics.ts';
import type { RestrictedCategory } from '../restricted.ts';
import { repositoryIndex, repositoryModelLoad, repositoryModelUnload } from './repository.ts';
import { logSettings, traceSetting } from './settings.ts';
import {
  cudaRegister,
  cudaStatus,
  cudaUnregister,
  systemRegister,
  systemStatus,
  systemUnregister,
} from './shared-memory.ts';

export type Answer<Message> = Message | Promise<Message>;
export type Handler<Request, Response> = (request: Request, context: ServerContext) => Answer<Response>;

/** Methods with one request and one response but inference, which has its own codec and ways. */
type PlainMethods = {
  [name in Exclude<keyof InferenceMethods, 'ModelInfer' | 'ModelStreamInfer'>]: Handler<
    InferenceMethods[name]['request'],
    InferenceMethods[name]['response']
  >;
};

const inferenceMethods: PlainMethods = {
  ServerLive: (_request, context) => ({ live: isLive(context) }),
  ServerReady: (_request, context) => ({ ready: isReady(context) }),
  ModelReady: async ({ name = '', version }, { engine }) => ({
    ready: await engine.isModelReady(name, given(version)),
  }),
  ServerMetadata: (_request, context) => mutable(serverMetadata(context)),
  ModelMetadata: ({ name = '', version }, { engine }) => mutable(engine.metadata(name, given(version))),
  ModelConfig: ({ name = '', version }, { engine }) => ({ config: engine.config(name, given(version)) }),
  ModelStatistics: ({ name, version }, { engine }) => ({
    model_stats: mutable(statisticsOf(engine, given(name), given(version))),
  }),
  RepositoryIndex: repositoryIndex,
  RepositoryModelLoad: repositoryModelLoad,
  RepositoryModelUnload: repositoryModelUnload,
  SystemSharedMemoryStatus: systemStatus,
  SystemSharedMemoryRegister: systemRegister,
  SystemSharedMemoryUnregister: systemUnregister,
  CudaSharedMemoryStatus: cudaStatus,
  CudaSharedMemoryRegister: cudaRegister,
  CudaSharedMemoryUnregister: cudaUnregister,
  TraceSetting: traceSetting,
  LogSettings: logSettings,
};

/** Readiness, whatever service is asked about. */
const health: Handler<grpc.HealthCheckRequest, grpc.HealthCheckResponse> = (_request, context) => ({
  status: context.phase !== 'stopping' && isReady(context) ? 'SERVING' : 'NOT_SERVING',
});

const categories: { readonly [name in keyof PlainMethods]: RestrictedCategory } = {
  ServerLive: 'health',
  ServerReady: 'health',
  ModelReady: 'health',
  ServerMetadata: 'metadata',
  ModelMetadata: 'metadata',
  ModelConfig: 'model-config',
  ModelStatistics: 'statistics',
  RepositoryIndex: 'model-repository',
  RepositoryModelLoad: 'model-repository',
  RepositoryModelUnload: 'model-repository',
  SystemSharedMemoryStatus: 'shared-memory',
  SystemSharedMemoryRegister: 'shared-memory',
  SystemSharedMemoryUnregister: 'shared-memory',
  CudaSharedMemoryStatus: 'shared-memory',
  CudaSharedMemoryRegister: 'shared-memory',
  CudaSharedMemoryUnregister: 'shared-memory',
  TraceSetting: 'trace',
  LogSettings: 'logging',
};

/** How a method is served; undefined for inference, which is served apart. */
export function handlerOf(method: GrpcMethod): Handler<never, object> | undefined {
  if (method.service.endsWith('.Health')) return health;
  return Object.hasOwn(inferenceMethods, method.name) ? inferenceMethods[method.name as keyof PlainMethods] : undefined;
}

export function categoryOf(method: GrpcMethod): RestrictedCategory {
  if (method.service.endsWith('.Health')) return 'health';
  return Object.hasOwn(categories, method.name) ? categories[method.name as keyof PlainMethods] : 'inference';
}

/** Methods that answer while models load and while the server stops. */
export function answersAlways({ name, service }: GrpcMethod): boolean {
  return name === 'ServerLive' || name === 'ServerReady' || service.endsWith('.Health');
}

/** proto3 has no absent text: empty is absent. */
function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** Our own data is read-only, the generated types are not; encoding changes nothing. */
function mutable<Value>(value: Value): Mutable<Value> {
  return value as Mutable<Value>;
}

type Mutable<Value> = Value extends readonly (infer Element)[]
  ? Mutable<Element>[]
  : Value extends object
    ? { -readonly [key in keyof Value]: Mutable<Value[key]> }
    : Value;
