import type { FastifyInstance } from 'fastify';
import { ConchError } from '../../base/index.ts';
import { withDeadline } from '../deadline.ts';
import type { ModelInterface } from '../interface.ts';
import { type TaskAnswer, taskAnswers } from '../tasks/answers.ts';
import type { TaskName } from '../tasks/task.ts';
import type { RouteContext } from './context.ts';
import { refuseOtherMethods } from './methods.ts';
import { mayMeanChange, rounded } from './models.ts';

const names = Object.keys(taskAnswers) as TaskName[];

/** `POST /models/:name/classify`, `/embed`, `/rerank` and `/tokens`, each for the models of that task. */
export function taskRoutes(app: FastifyInstance, context: RouteContext): void {
  const { catalog, limits, timeoutMs, notes, gate } = context;
  for (const name of names) {
    const url = `/models/:name/${name}`;
    app.post<{ Params: { name: string } }>(
      url,
      { bodyLimit: limits.bodyBytes, schema: { hide: true } },
      async (request, reply) =>
        gate.pass(() =>
          withDeadline(reply.raw, timeoutMs, async (signal) => {
            const model = await catalog.find(request.params.name);
            try {
              const asked = await answer(name, context, model, request.body, { id: request.id, signal });
              const { version, items, times } = asked;
              notes.set(request, { model: model.name, version, items, ...rounded(times) });
              reply.headers({ 'x-conch-model-version': version, 'x-conch-time-infer': times.inferMs.toFixed(3) });
              return asked.answer;
            } catch (error) {
              if (mayMeanChange(error)) catalog.doubt(model.name);
              throw error;
            }
          }),
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
