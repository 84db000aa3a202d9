import type { FastifyInstance, FastifyRequest } from 'fastify';
import { runWithin, type Span, type SpanAttributes, type Tracer } from './spans.ts';

const spans = new WeakMap<FastifyRequest, Span>();

/** The trace that a request belongs to, for its log line. */
export function traceIdOf(request: FastifyRequest): string | undefined {
  return spans.get(request)?.context.traceId;
}

/** Gives every request a span, which ends with it; health routes have none. `about` says what is known of it then. */
export function traceRequests(
  app: FastifyInstance,
  tracer: Tracer,
  about: (request: FastifyRequest) => SpanAttributes,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { config, url: route = '' } = request.routeOptions;
    const span = config.conchHealth ? undefined : tracer.begin(`${request.method} ${route}`, request.headers);
    if (span) {
      spans.set(request, span);
      const end = (status: number) => {
        const attributes = { 'http.request.method': request.method, 'http.route': route, ...about(request) };
        span.end({ failed: status >= 500, attributes: { ...attributes, 'http.response.status_code': status } });
      };
      reply.raw.once('finish', () => end(reply.statusCode));
      // The client went away before there was an answer.
      reply.raw.once('close', () => end(499));
    }
    done();
  });
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    if (span) runWithin(span, done);
    else done();
  });
}
