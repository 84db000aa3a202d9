import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { docsScript, docsStyle } from '../docs/assets.ts';
import { contentSecurityPolicy, docsPage } from '../docs/page.ts';
import { errorSchema, openApiDocument } from '../openapi.ts';
import type { RouteContext } from './context.ts';

/** Collects the schemas of the routes that are added to `app` from now on. */
export async function collectSchemas(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    // An app that takes the plugin in may document its own routes under the usual name.
    decorator: 'conchRoutes',
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'conch proxy',
        version: '1',
        description: 'Models of an inference server as JSON over HTTP. One item a request, or several as a list.',
      },
      tags: [
        { name: 'models', description: 'Asking models' },
        { name: 'server', description: 'What the server says of itself, in its own form' },
        { name: 'health', description: 'For load balancers and orchestrators' },
      ],
      components: { schemas: { Error: errorSchema as never } },
    },
  });
}

/** `/openapi.json`, and `/docs` that shows it; the page needs nothing from anywhere else. */
export function documentationRoutes(app: FastifyInstance, { catalog, limits }: RouteContext): void {
  const hidden = { schema: { hide: true } };
  const document = () => {
    const fixed = (app as unknown as { conchRoutes(): object }).conchRoutes();
    return openApiDocument(fixed, catalog.list(), { prefix: app.prefix, limits });
  };
  app.get('/openapi.json', hidden, async () => {
    await catalog.look();
    return document();
  });
  app.get('/docs', hidden, async (_request, reply) => {
    await catalog.look();
    reply.header('content-security-policy', contentSecurityPolicy).type('text/html; charset=utf-8');
    return docsPage({
      document: document(),
      models: catalog.list(),
      faults: catalog.faults(),
      readiness: catalog.readiness,
      prefix: app.prefix,
    });
  });
  app.get('/docs/docs.js', hidden, async (_request, reply) => reply.type('text/javascript').send(docsScript));
  app.get('/docs/docs.css', hidden, async (_request, reply) => reply.type('text/css').send(docsStyle));
}
