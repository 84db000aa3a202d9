import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import { configFromJson } from '../../config/index.ts';
import type { Endpoint, RoutedClient } from '../upstream/index.ts';
import type { RouteContext } from './context.ts';

interface Named {
  Params: { name: string };
}

/**
 * Triton's own routes that change a server: loading, unloading, log and trace settings, system shared memory. They exist
 * only where administration is switched on, take only keys with the admin scope, and do the same on every server. What
 * is passed on is made anew from what was understood, so that nothing of the request's framing reaches a server.
 */
export function serverControlRoutes(
  app: FastifyInstance,
  { catalog, logger }: RouteContext,
  client: RoutedClient,
): void {
  const route = { config: { conchAdmin: true }, schema: { hide: true } };
  const everywhere = async <T>(
    what: string,
    work: (server: Required<Endpoint['client']>) => Promise<T>,
  ): Promise<T> => {
    const outcomes = await Promise.allSettled(
      client.spread.endpoints.map(async ({ client: server, url }) => {
        if (!server.loadModel) throw new ConchError('NOT_SUPPORTED', `${url} cannot be administered`);
        return work(server as Required<Endpoint['client']>);
      }),
    );
    const failed = outcomes.find(({ status }) => status === 'rejected');
    logger.info({ failed: outcomes.filter(({ status }) => status === 'rejected').length }, what);
    if (failed) throw (failed as PromiseRejectedResult).reason;
    return (outcomes[0] as PromiseFulfilledResult<T>).value;
  };

  app.post<Named>('/v2/repository/models/:name/load', route, async ({ params: { name }, body }, reply) => {
    const { config, files } = loadParameters(name, body);
    await everywhere(`load ${name}`, (server) => server.loadModel(name, { config, files }));
    catalog.doubt(name);
    return reply.code(200).send({});
  });
  app.post<Named>('/v2/repository/models/:name/unload', route, async ({ params: { name }, body }, reply) => {
    const dependents = objectAt(objectAt(body ?? {}, 'body').parameters ?? {}, 'parameters').unload_dependents === true;
    await everywhere(`unload ${name}`, (server) => server.unloadModel(name, { dependents }));
    catalog.doubt(name);
    return reply.code(200).send({});
  });

  app.get('/v2/logging', route, async () => everywhere('read log settings', (server) => server.logSettings()));
  app.post('/v2/logging', route, async ({ body }) => {
    const changes = objectAt(body, 'body') as Parameters<Required<Endpoint['client']>['updateLogSettings']>[0];
    return everywhere('change log settings', (server) => server.updateLogSettings(changes));
  });
  for (const url of ['/v2/trace/setting', '/v2/models/:name/trace/setting']) {
    app.get<{ Params: { name?: string } }>(url, route, async ({ params: { name } }) =>
      everywhere('read trace settings', (server) => server.traceSettings(name)),
    );
    app.post<{ Params: { name?: string } }>(url, route, async ({ params: { name }, body }) => {
      const changes = objectAt(body, 'body') as Record<string, string | readonly string[] | null>;
      return everywhere('change trace settings', (server) => server.updateTraceSettings(changes, name));
    });
  }

  app.get('/v2/systemsharedmemory/status', route, async () =>
    everywhere('read shared memory', (server) => server.systemSharedMemory.status()),
  );
  app.get<Named>('/v2/systemsharedmemory/region/:name/status', route, async ({ params }) =>
    everywhere('read shared memory', (server) => server.systemSharedMemory.status(params.name)),
  );
  app.post<Named>('/v2/systemsharedmemory/region/:name/register', route, async ({ params: { name }, body }, reply) => {
    const { key, offset = 0, byte_size: byteSize } = objectAt(body, 'body');
    if (typeof key !== 'string' || !isSize(offset) || !isSize(byteSize)) {
      throw new ConchError('REQUEST_INVALID', 'body: expected key as text, offset and byte_size as whole numbers');
    }
    await everywhere(`register ${name}`, (server) =>
      server.systemSharedMemory.register(name, { key, byteSize, offset }),
    );
    return reply.code(200).send({});
  });
  app.post('/v2/systemsharedmemory/unregister', route, async (_request, reply) => {
    await everywhere('unregister shared memory', (server) => server.systemSharedMemory.unregister());
    return reply.code(200).send({});
  });
  app.post<Named>('/v2/systemsharedmemory/region/:name/unregister', route, async ({ params: { name } }, reply) => {
    await everywhere(`unregister ${name}`, (server) => server.systemSharedMemory.unregister(name));
    return reply.code(200).send({});
  });
}

/** `{"parameters": {"config": "<JSON>", "file:1/model.onnx": "<base64>"}}`, as Triton has it. */
function loadParameters(name: string, body: unknown) {
  const parameters = objectAt(objectAt(body ?? {}, 'body').parameters ?? {}, 'parameters');
  let config: ModelConfig | undefined;
  const files: Record<string, Uint8Array> = {};
  for (const [key, value] of Object.entries(parameters)) {
    if (typeof value !== 'string') throw new ConchError('REQUEST_INVALID', `parameters.${key}: expected a text`);
    if (key === 'config') config = configFromJson(value, `configuration of ${name}`);
    else if (key.startsWith('file:')) files[key.slice(5)] = Buffer.from(value, 'base64');
    else
      throw new ConchError('REQUEST_INVALID', `parameters: expected config and file:<path>, got '${key.slice(0, 60)}'`);
  }
  return { config, ...(Object.keys(files).length > 0 ? { files } : { files: undefined }) };
}

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ConchError('REQUEST_INVALID', `${path}: expected an object`, { where: { path } });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
