import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ConchError } from '../../base/index.ts';
import { invalid } from '../elements.ts';
import { failureOf } from '../errors.ts';
import { embeddings } from '../openai/embeddings.ts';
import { openaiError } from '../openai/errors.ts';
import { answerTask } from './answer-task.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

/**
 * OpenAI's `POST /v1/embeddings` and `GET /v1/models`, so that its clients work with the models that embed texts.
 * Errors have OpenAI's form.
 */
export async function openaiRoutes(app: FastifyInstance, context: RouteContext): Promise<void> {
  await app.register(async (scope) => {
    const { catalog, limits, notes } = context;
    scope.setErrorHandler((error, request: FastifyRequest, reply: FastifyReply) => {
      const failure = failureOf(error, request.id, limits);
      notes.set(request, { ...notes.get(request), code: failure.body.code });
      const { retryAfter } = failure;
      if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
      return reply.code(failure.status).send(openaiError(failure));
    });

    const described = (name: string) => ({ id: name, object: 'model', created: 0, owned_by: 'conch' });
    scope.get('/v1/models', { schema: { hide: true } }, async () => {
      await catalog.look();
      const models = catalog.list().filter(({ task }) => task?.name === 'embed');
      return { object: 'list', data: models.map(({ name }) => described(name)) };
    });
    scope.get<{ Params: { name: string } }>('/v1/models/:name', { schema: { hide: true } }, async ({ params }) => {
      const { name, task } = await catalog.find(params.name);
      if (task?.name !== 'embed') throw noEmbeddings(name);
      return described(name);
    });

    scope.post(
      '/v1/embeddings',
      { bodyLimit: limits.bodyBytes, schema: { hide: true } },
      (request: FastifyRequest, reply: FastifyReply) =>
        answerTask(
          context,
          request,
          reply,
          async () => {
            const name = (request.body as { model?: unknown } | null)?.model;
            if (typeof name !== 'string') throw invalid('model', 'the name of a model', name);
            return catalog.find(name);
          },
          async (model, options) => {
            const { task } = model;
            if (task?.name !== 'embed') throw noEmbeddings(model.name);
            return embeddings(context, model, task, request.body, options);
          },
        ),
    );
    refuseOtherMethods(scope, '/v1/models', ['GET', 'HEAD']);
    refuseOtherMethods(scope, '/v1/models/:name', ['GET', 'HEAD']);
    refuseOtherMethods(scope, '/v1/embeddings', ['POST']);
  });
}

function noEmbeddings(name: string): ConchError {
  return new ConchError('REQUEST_INVALID', `model '${name}' does not embed texts; GET /v1/models lists those that do`, {
    status: 'NOT_FOUND',
    where: { path: 'model' },
  });
}
