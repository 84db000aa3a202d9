import type { FastifyInstance } from 'fastify';

/**
 * Answers 405 to every method that `url` does not have, before a body is read. OPTIONS is left alone: it belongs to
 * whatever handles cross-origin requests, if the app has that.
 */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  const method = app.supportedMethods.filter((name) => name !== 'OPTIONS' && !allowed.includes(name));
  app.route({
    method,
    url,
    schema: { hide: true },
    onRequest: async (request, reply) => {
      const error = `${request.method} is not for this route, which takes ${allowed.join(', ')}`;
      reply.code(405).header('allow', allowed.join(', '));
      return reply.send({ error, code: 'REQUEST_INVALID', requestId: request.id });
    },
    handler: async () => undefined,
  });
}
