import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { Logger } from '../base/index.ts';
import type { InferenceClient } from '../client/index.ts';
import { readJsonBodies } from './body.ts';
import { ModelCatalog } from './catalog.ts';
import { failureOf } from './errors.ts';
import { type ProxyLimits, resolveLimits } from './limits.ts';
import type { RouteContext } from './routes/context.ts';
import { collectSchemas, documentationRoutes } from './routes/documentation.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';
import { protocolRoutes } from './routes/protocol.ts';

export interface ConchProxyOptions {
  /** The server behind the routes. It stays the caller's: closing the app does not close it. */
  readonly client: InferenceClient;
  /** Where the plugin logs; the app's own logger unless given. Never holds payloads. */
  readonly logger?: Logger;
  readonly limits?: Partial<ProxyLimits>;
  /** Models to offer; all that the server has unless told otherwise. */
  readonly models?: readonly string[];
  /** Class labels by model name, for servers that do not tell them. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds that one inference request may take once its body is read; 30,000 unless told otherwise. */
  readonly timeoutMs?: number;
  /** Called with the catalogue of models once it exists, e.g. to wait until it is ready. */
  readonly onCatalog?: (catalog: ModelCatalog) => void;
}

/**
 * The proxy's routes as a Fastify plugin, for an app of one's own: health, one route for each model of the server,
 * `/openapi.json` and `/docs`, below the plugin's prefix. Models are found by themselves, at the start and when they
 * appear. Security headers, rate limits and request ids are the app's business; `createProxyApp` has them all.
 */
export const conchProxy: FastifyPluginAsync<ConchProxyOptions> = async (app, options) => {
  const { client, models, labels, timeoutMs = 30_000 } = options;
  const logger = options.logger ?? (app.log as Logger);
  const limits = resolveLimits(options.limits);
  const catalog = new ModelCatalog({ client, logger, models, labels });
  const context: RouteContext = { client, catalog, limits, timeoutMs, logger, notes: new WeakMap() };
  options.onCatalog?.(catalog);

  readJsonBodies(app);
  observe(app, context);
  app.addHook('onReady', async () => catalog.start());
  app.addHook('onClose', async () => catalog.close());

  await collectSchemas(app);
  healthRoutes(app, context);
  modelRoutes(app, context);
  protocolRoutes(app, context);
  documentationRoutes(app, context);
};

/** Request id and time in every answer, one line a request in the log, one form for all errors. */
function observe(app: FastifyInstance, { logger, limits, notes }: RouteContext): void {
  app.addHook('onSend', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-conch-time-total': reply.elapsedTime.toFixed(3) });
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, id: requestId } = request;
    const ms = Number(reply.elapsedTime.toFixed(3));
    const key = request.conchKey && { key: request.conchKey.name };
    const line = {
      requestId,
      ...key,
      method,
      route: routeOptions.url,
      status: reply.statusCode,
      ms,
      ...notes.get(request),
    };
    logger[routeOptions.config.conchHealth ? 'debug' : 'info'](line, 'request');
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, body, retryAfter } = failureOf(error, request.id, limits);
    notes.set(request, { ...notes.get(request), code: body.code });
    if (status >= 500) {
      const { code, message } = error as Error & { code?: string };
      const stack = body.code === 'INTERNAL' ? { stack: (error as Error).stack } : {};
      // While the server is away this would be a line for every request; that it is away is logged once.
      logger[status === 503 ? 'debug' : 'error']({ requestId: request.id, code, ...stack }, message);
    }
    if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
    return reply.code(status).send(body);
  });
}
