import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';
import type { ModelInterface } from '../interface.ts';
import { type TaskAnswer, taskAnswers } from '../tasks/answers.ts';
import type { TaskName } from '../tasks/task.ts';
import { answerTask } from './answer-task.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';

const names = Object.keys(taskAnswers) as TaskName[];

/** `POST /models/:name/classify`, `/embed`, `/rerank` and `/tokens`, each for the models of that task. */
export function taskRoutes(app: FastifyInstance, context: RouteContext): void {
  const { catalog, limits } = context;
  for (const name of names) {
    const url = `/models/:name/${name}`;
    app.post<{ Params: { name: string } }>(
      url,
      { bodyLimit: limits.bodyBytes, schema: { hide: true } },
      (request, reply) =>
        answerTask(
          context,
          request,
          reply,
          () => catalog.find(request.params.name),
          (model, options) => answer(name, context, model, request.body, options),
        ),
    );
    refuseOtherMethods(app, url, ['POST']);
  }
}

function answer(
  name: TaskName,
  context: RouteContext,
  model: ModelInterface,
  body: unknown,
  options: { readonly id: string; readonly signal: AbortSignal },
): Promise<TaskAnswer> {
  const { task } = model;
  if (task?.name !== name) {
    const has = task ? `it has /${task.name}` : 'it has no task';
    throw new ConchError('REQUEST_INVALID', `model '${model.name}' has no route /${name}; ${has}`, {
      status: 'NOT_FOUND',
      fix: `POST /models/${model.name} runs it as it is`,
    });
  }
  return taskAnswers[name](context, model, task as never, body, options);
}
