import { type RestrictedCategory, restrictedCategories } from '../restricted.ts';
import type { Exchange } from './exchange.ts';
import { generate, generateStream } from './generate.ts';
import { live, modelReady, ready } from './health.ts';
import { infer } from './infer.ts';
import { describeServer, modelConfig, modelMetadata } from './metadata.ts';
import { controlNamedRepository, loadModel, repositoryIndex, unloadModel } from './repository.ts';
import { type PathParameters, Router } from './router.ts';
import { changeLogging, changeModelTrace, changeTrace, logging, modelTrace, trace } from './settings.ts';
import {
  cudaRegion,
  cudaRegions,
  registerCuda,
  registerSystem,
  systemRegion,
  systemRegions,
  unregister,
  unregisterAllCuda,
  unregisterAllSystem,
} from './shared-memory.ts';
import { allStatistics, modelStatistics } from './statistics.ts';

export type Endpoint = (exchange: Exchange, parameters: Readonly<PathParameters>) => void | Promise<void>;

export interface Route {
  readonly endpoint: Endpoint;
  /** What --http-restricted-api knows it as. */
  readonly category: RestrictedCategory;
  /** Answers while models load and while the server stops; others are refused with 503 then. */
  readonly always: boolean;
}

const always = true;

/** Every endpoint of Triton's HTTP interface. */
const table: Readonly<
  Record<
    RestrictedCategory,
    readonly (readonly [method: string, pattern: string, endpoint: Endpoint, always?: boolean])[]
  >
> = {
  health: [
    ['GET', '/v2/health/live', live, always],
    ['GET', '/v2/health/ready', ready, always],
    ['GET', '/v2/models/:model/ready', modelReady],
    ['GET', '/v2/models/:model/versions/:version/ready', modelReady],
  ],
  metadata: [
    ['GET', '/v2', describeServer],
    ['GET', '/v2/models/:model', modelMetadata],
    ['GET', '/v2/models/:model/versions/:version', modelMetadata],
  ],
  inference: [
    ['POST', '/v2/models/:model/infer', infer],
    ['POST', '/v2/models/:model/versions/:version/infer', infer],
    ['POST', '/v2/models/:model/generate', generate],
    ['POST', '/v2/models/:model/versions/:version/generate', generate],
    ['POST', '/v2/models/:model/generate_stream', generateStream],
    ['POST', '/v2/models/:model/versions/:version/generate_stream', generateStream],
  ],
  'model-config': [
    ['GET', '/v2/models/:model/config', modelConfig],
    ['GET', '/v2/models/:model/versions/:version/config', modelConfig],
  ],
  statistics: [
    ['GET', '/v2/models/stats', allStatistics],
    ['GET', '/v2/models/:model/stats', modelStatistics],
    ['GET', '/v2/models/:model/versions/:version/stats', modelStatistics],
  ],
  'model-repository': [
    ['POST', '/v2/repository/index', repositoryIndex],
    ['POST', '/v2/repository/:repository/index', repositoryIndex],
    ['POST', '/v2/repository/models/:model/load', loadModel],
    ['POST', '/v2/repository/models/:model/unload', unloadModel],
    ['POST', '/v2/repository/:repository/models/:model/load', controlNamedRepository],
    ['POST', '/v2/repository/:repository/models/:model/unload', controlNamedRepository],
  ],
  'shared-memory': [
    ['GET', '/v2/systemsharedmemory/status', systemRegions],
    ['GET', '/v2/systemsharedmemory/region/:region/status', systemRegion],
    ['POST', '/v2/systemsharedmemory/region/:region/register', registerSystem],
    ['POST', '/v2/systemsharedmemory/region/:region/unregister', unregister],
    ['POST', '/v2/systemsharedmemory/unregister', unregisterAllSystem],
    ['GET', '/v2/cudasharedmemory/status', cudaRegions],
    ['GET', '/v2/cudasharedmemory/region/:region/status', cudaRegion],
    ['POST', '/v2/cudasharedmemory/region/:region/register', registerCuda],
    ['POST', '/v2/cudasharedmemory/region/:region/unregister', unregister],
    ['POST', '/v2/cudasharedmemory/unregister', unregisterAllCuda],
  ],
  trace: [
    ['GET', '/v2/trace/setting', trace],
    ['POST', '/v2/trace/setting', changeTrace],
    ['GET', '/v2/models/:model/trace/setting', modelTrace],
    ['POST', '/v2/models/:model/trace/setting', changeModelTrace],
  ],
  logging: [
    ['GET', '/v2/logging', logging],
    ['POST', '/v2/logging', changeLogging],
  ],
};

export const routes = new Router<Route>();
for (const category of restrictedCategories) {
  for (const [method, pattern, endpoint, always = false] of table[category]) {
    routes.add(method, pattern, { endpoint, category, always });
  }
}
