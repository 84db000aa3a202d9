import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ConchError } from '../../base/index.ts';
import type { KeyHolder, KeyRing } from './keys.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose API key the request carries, where the proxy asks for keys. */
    conchKey?: KeyHolder | undefined;
  }
  interface FastifyContextConfig {
    /** Only for keys with the admin scope. */
    conchAdmin?: boolean;
  }
}

/**
 * Lets only requests with a key go on, before their bodies are read; health routes stay open. The key stands in
 * `Authorization: Bearer`, in `x-api-key`, or is the password of `Authorization: Basic`, which browsers ask for by
 * themselves. Admin routes do not take the latter: browsers send it along with requests that other sites make.
 * Each key's own rate applies to everything that it asks for.
 */
export function requireKeys(app: FastifyInstance, ring: KeyRing): void {
  app.decorateRequest('conchKey', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    done(refusal(request, reply, ring));
  });
}

/** What is wrong with the key of a request, if anything is. */
function refusal(request: FastifyRequest, reply: FastifyReply, ring: KeyRing): ConchError | undefined {
  const { config } = request.routeOptions;
  if (config.conchHealth) return undefined;
  const presented = presentedKey(request, config.conchAdmin === true);
  const holder = presented === undefined ? undefined : ring.find(presented);
  if (!holder) {
    reply.header('www-authenticate', config.conchAdmin ? 'Bearer realm="conch"' : challenge);
    return new ConchError('KEY_REQUIRED', presented === undefined ? 'an API key is needed' : 'no such API key', {
      fix: 'send the header authorization: Bearer <key>, or x-api-key: <key>',
    });
  }
  request.conchKey = holder;
  if (config.conchAdmin && !holder.admin) {
    return new ConchError('KEY_FORBIDDEN', `the API key '${holder.name}' is not for admin routes`);
  }
  return holder.bucket && spend(holder, holder.bucket, reply);
}

const challenge = 'Bearer realm="conch", Basic realm="conch"';

function spend(
  { name }: KeyHolder,
  bucket: NonNullable<KeyHolder['bucket']>,
  reply: FastifyReply,
): ConchError | undefined {
  const waitMs = bucket.take();
  const { count, perMs } = bucket.rate;
  reply.headers({ 'x-ratelimit-limit': count, 'x-ratelimit-remaining': bucket.left });
  if (waitMs === 0) return undefined;
  reply.header('retry-after', Math.ceil(waitMs / 1000));
  return new ConchError('RATE_LIMITED', `more than ${count} requests in ${perMs / 1000} s with the API key '${name}'`);
}

function presentedKey({ headers }: FastifyRequest, admin: boolean): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string') return own;
  const [, scheme, value] = /^(bearer|basic) +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  if (admin) return undefined;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}
