import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';

/** Pages that are served from this machine, at any port. */
export const localOrigins = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

const requestHeaders = ['authorization', 'content-type', 'x-api-key', 'x-request-id', 'traceparent', 'tracestate'];
const answerHeaders = ['x-request-id', 'server-timing', 'retry-after', 'x-conch-model-version'];

/**
 * Lets pages of these origins ask from a browser; `*` are all. Cookies are not taken, so a key must be sent by the
 * page itself. @throws USAGE for what is no origin.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly (string | RegExp)[]): Promise<void> {
  for (const origin of origins) {
    if (typeof origin !== 'string' || origin === '*') continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new ConchError('USAGE', `'${origin}' is not an origin`, {
        fix: 'give scheme, host and port alone, like https://app.example.com, or * for all',
      });
    }
  }
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: requestHeaders,
    exposedHeaders: answerHeaders,
    maxAge: 600,
    // A wrong preflight is answered like any other, without the headers that would let the browser go on.
    strictPreflight: false,
  });
}
