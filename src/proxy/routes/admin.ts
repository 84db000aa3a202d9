import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';
import { cutTensors, readItems } from '../decode.ts';
import type { ModelInterface } from '../interface.ts';
import type { ProxyLimits } from '../limits.ts';
import { requestExamples } from '../schema.ts';
import { type ReloadOptions, type RoutedClient, reloadModel, type VersionWeights } from '../upstream/index.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

interface NamedModel {
  Params: { name: string };
}

/**
 * Routes for those who run the proxy, all below `/admin` and only for keys with the admin scope: the servers' state,
 * reloading a model, sharing out its traffic, and what its shadow says.
 */
export function adminRoutes(app: FastifyInstance, context: RouteContext, client: RoutedClient): void {
  const { catalog, limits, logger } = context;
  const config = { conchAdmin: true };
  const schema = { hide: true };

  app.get('/admin/servers', { config, schema }, async () => {
    await client.spread.look();
    return {
      servers: client.spread.endpoints.map(
        ({ url, weight, health, inRotation, paused, inFlight, requests, circuit }) => ({
          ...{ url, weight, health, inRotation, paused, inFlight, requests },
          ...{ circuit: circuit.state, ejections: circuit.opened },
        }),
      ),
    };
  });

  app.get('/admin/routes', { config, schema }, async () => ({ routes: client.versions.list() }));
  app.put<NamedModel>('/admin/models/:name/route', { config, schema }, async ({ params, body }) => {
    const { name } = await catalog.find(params.name);
    const weights = weightsOf(body);
    client.versions.set(name, weights);
    logger.info({ model: name, weights }, `the traffic of model '${name}' is shared out`);
    return { model: name, weights };
  });
  app.delete<NamedModel>('/admin/models/:name/route', { config, schema }, async ({ params: { name } }, reply) => {
    client.versions.clear(name);
    return reply.code(204).send();
  });

  app.post<NamedModel>('/admin/models/:name/reload', { config, schema }, async ({ params, body }) => {
    const model = await catalog.find(params.name);
    return reloadModel(client, model.name, {
      ...reloadBody(body, limits, model),
      logger,
      onSwitch: () => catalog.doubt(model.name),
    });
  });

  app.get('/admin/shadow', { config, schema }, async () => {
    const { shadow } = client;
    if (!shadow)
      throw new ConchError('NOT_SUPPORTED', 'no server shadows this proxy', { fix: 'start it with --shadow' });
    return { server: shadow.url, models: shadow.report() };
  });

  for (const url of ['/admin/servers', '/admin/routes', '/admin/shadow']) refuseOtherMethods(app, url, ['GET', 'HEAD']);
  refuseOtherMethods(app, '/admin/models/:name/route', ['PUT', 'DELETE']);
  refuseOtherMethods(app, '/admin/models/:name/reload', ['POST']);
}

function weightsOf(body: unknown): VersionWeights {
  const { weights } = objectOf(body, ['weights']);
  const given = typeof weights === 'object' && weights !== null && !Array.isArray(weights) ? weights : undefined;
  if (!given || !Object.values(given).every((weight) => typeof weight === 'number')) {
    throw invalid('weights', 'weights by version, e.g. {"2": 90, "3": 10}');
  }
  const entries = Object.entries(given as VersionWeights);
  if (!entries.every(([version, weight]) => /^[1-9]\d{0,18}$/.test(version) && weight >= 0 && weight < 1e9)) {
    throw invalid('weights', 'versions from 1 and weights from 0');
  }
  if (!entries.some(([, weight]) => weight > 0)) throw invalid('weights', 'at least one weight above 0');
  return given as VersionWeights;
}

type ReloadBody = Pick<ReloadOptions, 'version' | 'tolerance' | 'warmUps' | 'drainMs' | 'probes'>;

/** What a reload may say, all of it optional. Probes are bodies as the model's own route takes them. */
function reloadBody(body: unknown, limits: ProxyLimits, model: ModelInterface): ReloadBody {
  const known = ['version', 'probes', 'tolerance', 'warmUps', 'drainMs'];
  const { version, probes, tolerance, warmUps, drainMs } = objectOf(body ?? {}, known);
  if (version !== undefined && !(typeof version === 'string' || Number.isSafeInteger(version))) {
    throw invalid('version', 'a version, e.g. "2"');
  }
  if (probes !== undefined && (!Array.isArray(probes) || probes.length === 0)) {
    throw invalid('probes', "a list of bodies as the model's route takes them");
  }
  for (const [name, value] of Object.entries({ tolerance, warmUps, drainMs })) {
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) throw invalid(name, 'a number from 0');
  }
  const { one, several } = requestExamples(model);
  const bodies = (probes as unknown[] | undefined) ?? (model.maxBatchSize > 1 ? [one, several] : [one]);
  return {
    ...(version !== undefined && { version: String(version) }),
    ...(tolerance !== undefined && { tolerance: tolerance as number }),
    ...(warmUps !== undefined && { warmUps: warmUps as number }),
    ...(drainMs !== undefined && { drainMs: drainMs as number }),
    probes: bodies.map((probe) => {
      const items = readItems(model, probe, limits);
      const count = Math.min(items.count, Math.max(1, model.maxBatchSize));
      return cutTensors(items, 0, count, model.maxBatchSize > 0);
    }),
  };
}

function objectOf(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'an object');
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid('body', `no field '${unknown.slice(0, 60)}'; there are ${known.join(', ')}`);
  return body as Record<string, unknown>;
}

function invalid(path: string, expected: string): ConchError {
  return new ConchError('REQUEST_INVALID', `${path}: expected ${expected}`, { where: { path } });
}
