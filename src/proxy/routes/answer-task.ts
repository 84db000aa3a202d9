import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AskOptions } from '../ask.ts';
import { withDeadline } from '../deadline.ts';
import type { ModelInterface } from '../interface.ts';
import type { TaskAnswer } from '../tasks/answers.ts';
import type { RouteContext } from './context.ts';
import { mayMeanChange, rounded } from './models.ts';

/** Answers a task's request with what `run` makes of the model that `find` finds: in its turn, within the deadline, and noted. */
export function answerTask(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  find: () => Promise<ModelInterface>,
  run: (model: ModelInterface, options: AskOptions) => Promise<TaskAnswer>,
): Promise<TaskAnswer['answer']> {
  const { catalog, timeoutMs, notes, gate } = context;
  return gate.pass(() =>
    withDeadline(reply.raw, timeoutMs, async (signal) => {
      const model = await find();
      try {
        const { answer, version, items, times } = await run(model, { id: request.id, signal });
        notes.set(request, { model: model.name, version, items, ...rounded(times) });
        reply.headers({ 'x-conch-model-version': version, 'x-conch-time-infer': times.inferMs.toFixed(3) });
        return answer;
      } catch (error) {
        if (mayMeanChange(error)) catalog.doubt(model.name);
        throw error;
      }
    }),
  );
}
