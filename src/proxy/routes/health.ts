import type { FastifyInstance } from 'fastify';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

/** Orchestrators must get an answer whatever the load is. */
const config = { conchHealth: true, rateLimit: false as const, pressureHandler: () => undefined };

/** `/health`: the proxy lives. `/healthz`: the server behind it is ready too, asked at this moment. */
export function healthRoutes(app: FastifyInstance, { catalog, draining }: RouteContext): void {
  app.get('/health', { config, schema: healthSchema }, async () => ({ status: 'ok' }));
  app.get('/healthz', { config, schema: readySchema }, async (_request, reply) => {
    const { ready, reason } = draining() ? { ready: false, reason: 'the proxy is closing' } : await catalog.check();
    if (ready) return { status: 'ready', models: catalog.list().map(({ name }) => name) };
    return reply.code(503).header('retry-after', 1).send({ status: 'not ready', reason });
  });
  for (const url of ['/health', '/healthz']) refuseOtherMethods(app, url, ['GET', 'HEAD']);
}

const healthSchema = {
  operationId: 'health',
  tags: ['health'],
  summary: 'The proxy lives',
  response: {
    200: {
      description: 'Always, while the proxy runs.',
      type: 'object',
      properties: { status: { type: 'string', enum: ['ok'] } },
      required: ['status'],
    },
  },
};

const readySchema = {
  operationId: 'healthz',
  tags: ['health'],
  summary: 'The server is ready',
  response: {
    200: {
      description: 'The server is ready and its models are known.',
      type: 'object',
      properties: {
        status: { type: 'string', enum: ['ready'] },
        models: { type: 'array', items: { type: 'string' }, description: 'The models that can be asked.' },
      },
      required: ['status', 'models'],
    },
    503: {
      description: 'The server cannot be reached or is not ready yet, or the proxy is closing.',
      type: 'object',
      properties: { status: { type: 'string', enum: ['not ready'] }, reason: { type: 'string' } },
      required: ['status', 'reason'],
    },
  },
};
