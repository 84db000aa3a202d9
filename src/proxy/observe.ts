import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failureOf } from './errors.ts';
import { type ProxyMetrics, serverTiming } from './operations/index.ts';
import type { RouteContext } from './routes/context.ts';

/** Request id and times in every answer, one line a request in the log, its metrics, and one form for all errors. */
export function observe(app: FastifyInstance, context: RouteContext, metrics: ProxyMetrics | undefined): void {
  const { logger, limits, notes, catalog } = context;
  // A model that a request failed on counts only where there is one of that name.
  const modelOf = ({ params }: FastifyRequest) => catalog.get((params as { name?: string } | undefined)?.name ?? '');
  if (metrics) {
    app.addHook('onRequest', async (_request, { raw }) => {
      const gone = metrics.arrived();
      raw.once('finish', gone).once('close', gone);
    });
  }
  app.addHook('onSend', async (request, reply) => {
    const ms = reply.elapsedTime;
    reply.headers({
      'x-request-id': request.id,
      'x-conch-time-total': ms.toFixed(3),
      'server-timing': serverTiming(notes.get(request) ?? {}, ms),
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions, id: requestId } = request;
    const { url: route = '' } = routeOptions;
    const { statusCode: status, elapsedTime: totalMs } = reply;
    const note = notes.get(request);
    const key = request.conchKey?.name;
    metrics?.answered({ model: modelOf(request)?.name, ...note, route, status, totalMs, key });
    const ms = Number(totalMs.toFixed(3));
    const line = { requestId, ...(key !== undefined && { key }), method, route, status, ms, ...note };
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
