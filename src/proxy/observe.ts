import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failureOf } from './errors.ts';
import { type ProxyMetrics, serverTiming, type Tracer, traceIdOf, traceRequests } from './operations/index.ts';
import type { RouteContext } from './routes/context.ts';

export interface Observers {
  readonly metrics?: ProxyMetrics | undefined;
  readonly tracer?: Tracer | undefined;
}

/**
 * Request id and times in every answer, one line a request in the log, its metrics and its span, and one form for all
 * errors.
 */
export function observe(app: FastifyInstance, context: RouteContext, { metrics, tracer }: Observers): void {
  const { logger, limits, notes, catalog } = context;
  // A model that a request failed on counts only where there is one of that name.
  const modelOf = ({ params }: FastifyRequest) => catalog.get((params as { name?: string } | undefined)?.name ?? '');
  if (tracer) {
    traceRequests(app, tracer, (request) => {
      const { model, version, items, queueMs, tokenizeMs, inferMs, code } = notes.get(request) ?? {};
      return {
        ...{ 'conch.request_id': request.id, 'conch.model': model, 'conch.version': version, 'conch.items': items },
        ...{ 'conch.queue_ms': queueMs, 'conch.tokenize_ms': tokenizeMs, 'conch.infer_ms': inferMs },
        ...{ 'error.type': code, 'conch.key': request.conchKey?.name },
      };
    });
  }
  if (metrics) {
    app.addHook('onRequest', (_request, { raw }, done) => {
      const gone = metrics.arrived();
      // Comes after the last byte, and when the client goes away before.
      raw.once('close', gone);
      done();
    });
  }
  app.addHook('onSend', (request, reply, payload, done) => {
    const ms = reply.elapsedTime;
    reply.headers({
      'x-request-id': request.id,
      'x-conch-time-total': ms.toFixed(3),
      'server-timing': serverTiming(notes.get(request) ?? {}, ms),
    });
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, id: requestId } = request;
    const { url: route = '' } = routeOptions;
    const { statusCode: status, elapsedTime: totalMs } = reply;
    const note = notes.get(request);
    const key = request.conchKey?.name;
    metrics?.answered({ model: modelOf(request)?.name, ...note, route, status, totalMs, key });
    const level = routeOptions.config.conchHealth ? 'debug' : 'info';
    if (logger.isLevelEnabled(level)) {
      const ms = Number(totalMs.toFixed(3));
      const traceId = traceIdOf(request);
      const ids = { requestId, ...(traceId !== undefined && { traceId }), ...(key !== undefined && { key }) };
      logger[level]({ ...ids, method, route, status, ms, ...note }, 'request');
    }
    done();
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
