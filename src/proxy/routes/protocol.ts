import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ConchError } from '../../base/index.ts';
import { configToJson } from '../../config/index.ts';
import { withDeadline } from '../deadline.ts';
import { invalid } from '../elements.ts';
import { errorSchema } from '../openapi.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

interface NamedVersion {
  Params: { name: string; version?: string };
}

/**
 * What the server says of itself and its models, passed through as Triton's own paths have it: `/v2`, the repository's
 * index, and a model's metadata, configuration and readiness. All of it reads only; whatever changes a server (load,
 * unload, settings, shared memory) has no route here. Where the proxy offers some models alone, it tells of no others.
 */
export function protocolRoutes(app: FastifyInstance, context: RouteContext): void {
  const { client, catalog, timeoutMs } = context;
  const ask = <T>(reply: { raw: Parameters<typeof withDeadline>[0] }, work: (signal: AbortSignal) => Promise<T>) =>
    withDeadline(reply.raw, timeoutMs, work);
  const nameOf = (request: FastifyRequest<NamedVersion>): [string, string | undefined] => {
    const { name, version } = request.params;
    if (!catalog.isOffered(name)) throw new ConchError('MODEL_NOT_FOUND', `no model '${name.slice(0, 100)}'`);
    return [name, version];
  };

  app.get('/v2', { schema: serverSchema }, (_request, reply) => ask(reply, (signal) => client.serverMetadata(signal)));

  const index = (ready: boolean) => async (signal: AbortSignal) => {
    const rows = (await client.index(signal)).filter(({ name }) => catalog.isOffered(name));
    return ready ? rows.filter(({ state }) => state === 'READY') : rows;
  };
  app.get('/v2/repository/index', { schema: indexSchema }, (_request, reply) => ask(reply, index(false)));
  app.post('/v2/repository/index', { schema: indexQuestionSchema }, (request, reply) =>
    ask(reply, index(readyOnly(request.body))),
  );

  for (const [prefix, suffix] of [
    ['/v2/models/:name', ''],
    ['/v2/models/:name/versions/:version', 'Version'],
  ] as const) {
    app.get<NamedVersion>(prefix, { schema: metadataSchema(suffix) }, (request, reply) =>
      ask(reply, (signal) => client.modelMetadata(...nameOf(request), signal)),
    );
    app.get<NamedVersion>(`${prefix}/config`, { schema: configSchema(suffix) }, (request, reply) =>
      ask(reply, async (signal) => configToJson(await client.modelConfig(...nameOf(request), signal))),
    );
    app.get<NamedVersion>(`${prefix}/ready`, { schema: modelReadySchema(suffix) }, async (request, reply) => {
      const ready = await ask(reply, (signal) => client.isModelReady(...nameOf(request), signal));
      // Triton answers with the status alone.
      return reply.code(ready ? 200 : 400).send({ ready });
    });
    for (const url of [prefix, `${prefix}/config`, `${prefix}/ready`]) refuseOtherMethods(app, url, ['GET', 'HEAD']);
  }
  refuseOtherMethods(app, '/v2', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/v2/repository/index', ['GET', 'HEAD', 'POST']);
}

/** The body of Triton's index request, which may be empty: `{"ready": true}` leaves out what is not ready. */
function readyOnly(body: unknown): boolean {
  if (body === undefined || body === null) return false;
  if (typeof body !== 'object' || Array.isArray(body)) throw invalid('body', 'an object, or nothing', body);
  const { ready = false } = body as { ready?: unknown };
  if (typeof ready !== 'boolean') throw invalid('ready', 'true or false', ready);
  return ready;
}

const tag = ['server'];
const text = { type: 'string' };
const texts = { type: 'array', items: text };
const failures = {
  '4xx': { ...errorSchema, description: 'No such model, or not in this form.' },
  '5xx': { ...errorSchema, description: 'The server cannot be reached, is not ready, or failed.' },
};
const parameters = (suffix: string) => ({
  type: 'object',
  properties: { name: text, ...(suffix && { version: text }) },
  required: suffix ? ['name', 'version'] : ['name'],
});

const serverSchema = {
  operationId: 'serverMetadata',
  tags: tag,
  summary: 'The server behind the proxy',
  response: {
    200: {
      description: "Triton's server metadata.",
      type: 'object',
      properties: { name: text, version: text, extensions: texts },
      required: ['name', 'version', 'extensions'],
    },
    ...failures,
  },
};

const indexAnswer = {
  description: 'A row for each version of each model; a model that was never loaded has only a name.',
  type: 'array',
  items: {
    type: 'object',
    properties: { name: text, version: text, state: text, reason: text },
    required: ['name'],
  },
};

const indexSchema = {
  operationId: 'repositoryIndex',
  tags: tag,
  summary: 'What lies in the repository of the server, and its state',
  response: { 200: indexAnswer, ...failures },
};

const indexQuestionSchema = { ...indexSchema, hide: true };

const tensorList = {
  type: 'array',
  items: {
    type: 'object',
    properties: { name: text, datatype: text, shape: { type: 'array', items: { type: 'integer' } } },
    required: ['name', 'datatype', 'shape'],
  },
};

const metadataSchema = (suffix: string) => ({
  operationId: `modelMetadata${suffix}`,
  tags: tag,
  summary: 'The metadata of a model',
  params: parameters(suffix),
  response: {
    200: {
      description: "Triton's model metadata; shapes with the batch dimension.",
      type: 'object',
      properties: { name: text, versions: texts, platform: text, inputs: tensorList, outputs: tensorList },
      required: ['name', 'versions', 'platform', 'inputs', 'outputs'],
    },
    ...failures,
  },
});

const configSchema = (suffix: string) => ({
  operationId: `modelConfig${suffix}`,
  tags: tag,
  summary: 'The configuration of a model as it is in force',
  params: parameters(suffix),
  response: {
    200: { description: "Triton's ModelConfig as JSON.", type: 'object', additionalProperties: true },
    ...failures,
  },
});

const readyAnswer = {
  type: 'object',
  properties: { ready: { type: 'boolean' } },
  required: ['ready'],
};

const modelReadySchema = (suffix: string) => ({
  operationId: `modelReady${suffix}`,
  tags: tag,
  summary: 'Whether a model takes requests',
  params: parameters(suffix),
  response: {
    200: { description: 'It does.', ...readyAnswer },
    400: { description: 'It does not.', ...readyAnswer },
    404: failures['4xx'],
    '5xx': failures['5xx'],
  },
});
