import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import rateLimit from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { ConchError, createLogger, type Logger } from '../base/index.ts';
import { failureOf } from './errors.ts';
import { resolveLimits } from './limits.ts';
import { allowOrigins, type KeyRing, metricsRoute, requireKeys } from './operations/index.ts';
import { type ConchProxyOptions, conchProxy } from './plugin.ts';
import { securityHeaders } from './security-headers.ts';

export interface ProxyAppOptions extends ConchProxyOptions {
  /** Requests that one address may send in a window; off unless given. Health routes are free. */
  readonly rateLimit?: { readonly max: number; readonly windowMs: number };
  /** The API keys that requests must carry one of; everybody may ask unless given. Health routes are free. */
  readonly keys?: KeyRing;
  /** Origins whose pages may ask from a browser, `*` for all; none unless given. Or a pattern of them. */
  readonly corsOrigins?: readonly (string | RegExp)[];
  /** What `node:https` takes of certificates; plain HTTP unless given. */
  readonly https?: SecureContextOptions & { readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean };
  /** Whether `GET /metrics` is one of the routes, where there are metrics; default true. */
  readonly metricsRoute?: boolean;
  /** Refuse requests with 503 while the event loop lags by more than this on average; default 2,000, false: never. */
  readonly maxEventLoopDelayMs?: number | false;
}

/** A request id that is taken over from a client: nothing that could break a log line or a header. */
const usableId = /^[A-Za-z0-9._:-]{1,128}$/;

/** The whole proxy as a Fastify app that is not listening yet; `app.inject` works on it. */
export async function createProxyApp(options: ProxyAppOptions): Promise<FastifyInstance> {
  const limits = resolveLimits(options.limits);
  const logger = options.logger ?? createLogger('silent', 'conch-proxy');
  const app = Fastify({
    loggerInstance: logger,
    ...(options.https && { https: options.https }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    requestTimeout: 60_000,
    genReqId: requestId,
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: (error, request, reply) => {
      void fail(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
    clientErrorHandler: refuseGarbage,
  }) as unknown as FastifyInstance;
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { status, body, retryAfter } = failureOf(error, request.id, limits);
    if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
    return reply.code(status).header('x-request-id', request.id).send(body);
  };

  app.setErrorHandler(fail);
  const security = securityHeaders(options.https !== undefined);
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(security);
    done();
  });
  if (options.maxEventLoopDelayMs !== false) {
    await app.register(underPressure, { maxEventLoopDelay: options.maxEventLoopDelayMs ?? 2000 });
  }
  // First, since a browser sends no key with the question whether it may ask.
  if (options.corsOrigins) await allowOrigins(app, options.corsOrigins);
  if (options.keys) requireKeys(app, options.keys);
  if (options.rateLimit) {
    const { max, windowMs } = options.rateLimit;
    await app.register(rateLimit, {
      max,
      timeWindow: windowMs,
      errorResponseBuilder: (_request, { max, after }) =>
        new ConchError('RATE_LIMITED', `more than ${max} requests; try again in ${after}`),
    });
  }
  // Before a body is read: what it holds does not matter to a route that does not exist.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) {
      done();
      return;
    }
    const error = `no route ${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}; see /docs`;
    reply.code(404).header('x-request-id', request.id);
    reply.send({ error, code: 'REQUEST_INVALID', requestId: request.id });
  });
  const { metrics } = options;
  if (metrics) {
    app.addHook('onResponse', (request, reply, done) => {
      if (request.is404) {
        metrics.answered({
          route: '',
          status: reply.statusCode,
          totalMs: reply.elapsedTime,
          key: request.conchKey?.name,
        });
      }
      done();
    });
  }
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  // A connection that is kept alive after its answer would keep the closing server waiting.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'));
  if (metrics && options.metricsRoute !== false) metricsRoute(app, metrics);
  await app.register(conchProxy, { ...options, logger: logger as Logger });
  return app;
}

function requestId({ headers }: { headers: IncomingMessage['headers'] }): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && usableId.test(given) ? given : randomUUID();
}

/** Bytes that are not HTTP never become a request; they get an answer in the proxy's form and the connection ends. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, text] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'Request Timeout', 'the request took too long to arrive']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'Request Header Fields Too Large', 'the headers are too large']
        : [400, 'Bad Request', 'this is not an HTTP request'];
  const body = JSON.stringify({ error: text, code: 'REQUEST_MALFORMED', requestId: randomUUID() });
  const head = `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
}
