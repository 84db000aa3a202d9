import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { ProxyMetrics } from './metrics.ts';

/** `GET /metrics` beside the other routes. Where keys are asked for it needs one with the admin scope. */
export function metricsRoute(app: FastifyInstance, metrics: ProxyMetrics): void {
  const config = { conchHealth: false, conchAdmin: true, rateLimit: false as const };
  app.get('/metrics', { config, schema: { hide: true } }, async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}

/** The same on a port of its own, which is open to whoever reaches it. */
export async function serveMetrics(
  metrics: ProxyMetrics,
  where: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/metrics' || request.method !== 'GET') {
      response.writeHead(path === '/metrics' ? 405 : 404, { 'content-length': 0 }).end();
      return;
    }
    const text = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(where.port, where.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
