import type { FastifyInstance } from 'fastify';
import type { Logger } from '../base/index.ts';

const longest = 2000;

/**
 * Writes what requests and answers hold to the log, cut off after two thousand characters: for development, since texts
 * of users end up there.
 */
export function logPayloads(app: FastifyInstance, logger: Logger): void {
  const clip = (text: string) => (text.length > longest ? `${text.slice(0, longest)}…` : text);
  app.addHook('preHandler', (request, _reply, done) => {
    if (request.body !== undefined) {
      logger.info({ requestId: request.id, body: clip(JSON.stringify(request.body) ?? '') }, 'request body');
    }
    done();
  });
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (typeof payload === 'string' && request.method === 'POST') {
      logger.info({ requestId: request.id, body: clip(payload) }, 'answer body');
    }
    done(null, payload);
  });
}
