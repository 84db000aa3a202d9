import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';
import { ask } from '../ask.ts';
import { withDeadline } from '../deadline.ts';
import { readItems } from '../decode.ts';
import { answerOf } from '../infer.ts';
import type { ModelInterface } from '../interface.ts';
import { errorSchema } from '../openapi.ts';
import { chooseVariant } from '../variant.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

interface NamedModel {
  Params: { name: string };
}

/**
 * `GET /models`, `GET /models/:name` and `POST /models/:name`. Models come and go after the app has started, when
 * Fastify takes no more routes, so one route stands for all and the catalogue says what each takes.
 */
export function modelRoutes(app: FastifyInstance, context: RouteContext): void {
  const { catalog, limits, timeoutMs, notes, gate } = context;
  const describe = (model: ModelInterface) => ({
    ...publicModel(model),
    route: `${app.prefix}/models/${encodeURIComponent(model.name)}`,
  });

  app.get('/models', { schema: listSchema }, async () => {
    await catalog.look();
    return { models: catalog.list().map(describe) };
  });

  app.get<NamedModel>('/models/:name', { schema: modelSchema }, async ({ params }) => {
    return describe(await catalog.find(params.name));
  });

  app.post<NamedModel>('/models/:name', { bodyLimit: limits.bodyBytes, schema: hidden }, async (request, reply) => {
    return gate.pass(() =>
      withDeadline(reply.raw, timeoutMs, async (signal) => {
        const named = await catalog.find(request.params.name);
        const { model, body } = chooseVariant(named, request.body, (name) => catalog.get(name));
        const items = readItems(model, body, limits);
        try {
          const { rows, version, cached, ...times } = await ask(context, model, items, { id: request.id, signal });
          notes.set(request, { model: model.name, version, items: items.count, ...rounded(times) });
          if (cached !== undefined) reply.header('x-conch-cached', cached);
          reply.headers({ 'x-conch-model-version': version, 'x-conch-time-infer': times.inferMs.toFixed(3) });
          return items.several ? rows.map((row) => answerOf(model, row)) : answerOf(model, rows[0]!);
        } catch (error) {
          if (mayMeanChange(error)) catalog.doubt(model.name);
          throw error;
        }
      }),
    );
  });

  refuseOtherMethods(app, '/models', ['GET', 'HEAD']);
  refuseOtherMethods(app, '/models/:name', ['GET', 'HEAD', 'POST']);
}

/** Times to a microsecond, as logs and headers tell them. */
export function rounded<Times extends object>(times: Times): Times {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms * 1000) / 1000])) as Times;
}

/** Failures after which the server, or the model on it, may no longer be what the catalogue says. */
export function mayMeanChange(error: unknown): boolean {
  if (!(error instanceof ConchError)) return false;
  return error.code === 'SERVER_UNREACHABLE' || error.code === 'EXECUTION_FAILED' || error.code === 'SERVER_ERROR';
}

function publicModel({ name, version, maxBatchSize, inputs, outputs, classes }: ModelInterface) {
  const tensors = (list: ModelInterface['inputs']) =>
    list.map(({ name, datatype, dims, optional }) => ({ name, datatype, dims, ...(optional && { optional }) }));
  return {
    name,
    version,
    maxBatchSize,
    inputs: tensors(inputs),
    outputs: tensors(outputs),
    ...(classes && { labels: classes.labels }),
  };
}

const hidden = { hide: true };

const tensors = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      datatype: { type: 'string', description: "Triton's name of the element type." },
      dims: { type: 'array', items: { type: 'integer' }, description: 'Of one item; -1 is a length that varies.' },
      optional: { type: 'boolean' },
    },
    required: ['name', 'datatype', 'dims'],
  },
};

const described = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    version: { type: 'string', description: 'The newest version that is ready.' },
    maxBatchSize: { type: 'integer', description: 'Most items in one inference; larger requests take several.' },
    inputs: tensors,
    outputs: tensors,
    labels: { type: 'array', items: { type: 'string' }, description: 'The classes, where the model classifies.' },
    route: { type: 'string' },
  },
  required: ['name', 'version', 'maxBatchSize', 'inputs', 'outputs', 'route'],
};

const listSchema = {
  operationId: 'listModels',
  tags: ['models'],
  summary: 'The models that can be asked',
  response: {
    200: {
      description: 'In the order of their names.',
      type: 'object',
      properties: { models: { type: 'array', items: described } },
      required: ['models'],
    },
  },
};

const modelSchema = {
  operationId: 'describeModel',
  tags: ['models'],
  summary: 'What a model takes and gives',
  params: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  response: {
    200: { description: 'The model.', ...described },
    '4xx': { ...errorSchema, description: 'No such model.' },
    '5xx': { ...errorSchema, description: 'The server or the model is not ready, or has no route.' },
  },
};
